// A model that somebody asked for, as the store keeps it until it is there.
import * as v from "valibot";
import { Model, ModelFile } from "./manifest.ts";
import { HubReference } from "./reference.ts";

/** A model that is to be fetched; gone when it is there. */
export const PendingModel = v.looseObject({
  /** The model's. */
  id: Model.entries.id,
  object: v.literal("model.download"),
  created_at: v.pipe(v.number(), v.safeInteger()),
  /** `added`: nobody has asked for the bytes yet. A server that starts goes on with what is `downloading`. */
  state: v.picklist(["added", "downloading", "cancelled", "failed"]),
  /** Why it failed. */
  error: v.optional(v.object({ message: v.string(), code: v.nullable(v.string()) })),
  /** The manifest; without files until the hub was asked what is in the repository of `reference`. */
  model: v.object({ ...Model.entries, files: v.array(ModelFile) }),
  reference: v.optional(HubReference),
  /** The owner typed its address with `--allow-private`. */
  allow_private: v.optional(v.boolean()),
});
export type PendingModel = v.InferOutput<typeof PendingModel>;
