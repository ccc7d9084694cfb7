// A model that is to be fetched, as the store keeps it until its files are here.
import * as v from "valibot";
import { Model, ModelFile } from "./manifest.ts";
import { HubReference } from "./reference.ts";

export const PendingModel = v.looseObject({
  /** The id of the model. */
  id: Model.entries.id,
  object: v.literal("model.download"),
  created_at: v.pipe(v.number(), v.safeInteger()),
  /** `added`: no download was started yet. A server that starts goes on with what is `downloading`, or queued for that. */
  state: v.picklist(["added", "downloading", "cancelled", "failed"]),
  error: v.optional(v.object({ message: v.string(), code: v.nullable(v.string()), owner_message: v.optional(v.string()) })),
  /** The manifest; without files until the hub has listed the repository of `reference`. */
  model: v.object({ ...Model.entries, files: v.array(ModelFile) }),
  reference: v.optional(HubReference),
  /** Its place among the downloads that are queued: the lowest is next. Absent: its download was never started. */
  queued_at: v.optional(v.number()),
  /** When its download first failed since it last made progress; absent while it does not fail. Seconds since 1970. */
  failing_since: v.optional(v.number()),
  /** Stands for the client that asked for it, as far as clients are told apart; says nothing about who that is. */
  client: v.optional(v.string()),
  /** Its address may be plain http, or private: the owner typed it with `--allow-private`. */
  allow_private: v.optional(v.boolean()),
});
export type PendingModel = v.InferOutput<typeof PendingModel>;
