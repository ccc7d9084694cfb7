// The models that can be downloaded by name.
import * as v from "valibot";
import { Model } from "./manifest.ts";

/** The model that `pull` and `serve --pull` fetch by default: small enough to answer within a minute of the first start. */
export const DEFAULT_MODEL = "smollm2-135m-instruct";

/** What is to be expected of it. */
export const ONLY_FOR_TRYING = `${DEFAULT_MODEL} is for trying things out: it is small, and often wrong.`;

let parsed: Promise<Model[]> | undefined;

/** The shipped manifests, sorted by id. Shared: do not change them. */
export function catalog(): Promise<Model[]> {
  parsed ??= readManifests();
  return parsed;
}

/** What the catalogue says of this very model, and not of another one that has its id. */
export async function listedAs({ id, source_url }: Pick<Model, "id" | "source_url">): Promise<Model | undefined> {
  return (await catalog()).find((listed) => listed.id === id && listed.source_url === source_url);
}

/** Imported at the first call: most commands, and most servers, need no manifest. */
async function readManifests(): Promise<Model[]> {
  const manifests = await import("./catalog-manifests.ts");
  return Object.values(manifests)
    .map((manifest) => v.parse(Model, manifest))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}
