// The models that can be downloaded by name.
import * as v from "valibot";
import * as manifests from "./catalog-manifests.ts";
import { Model } from "./manifest.ts";

/** The model that `pull` and `serve --pull` fetch by default: small enough to answer within a minute of the first start. */
export const DEFAULT_MODEL = "smollm2-135m-instruct";

// Parsed at the first call, not at import: most commands need no manifest.
let parsed: Model[] | undefined;

/** The shipped manifests, sorted by id. Shared: do not change them. */
export function catalog(): Model[] {
  parsed ??= Object.values(manifests)
    .map((manifest) => v.parse(Model, manifest))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  return parsed;
}
