// The body of a request for embeddings.
import * as v from "valibot";
import { KeepAlive } from "../../support/quantities.ts";
import { looseObject } from "../objects.ts";

export const EmbeddingRequest = looseObject({
  model: v.nullish(v.pipe(v.string(), v.minLength(1))),
  /** Read by `readSentTexts`, which says more of what is wrong with it. */
  input: v.unknown(),
  /** `base64`: of the numbers, each of 32 bits, the lowest byte first. */
  encoding_format: v.nullish(v.picklist(["float", "base64"])),
  dimensions: v.nullish(v.pipe(v.number(), v.safeInteger(), v.minValue(1))),
  /** How long the model stays loaded afterwards: seconds or "10m", here in ms. */
  keep_alive: v.nullish(KeepAlive),
});
export type EmbeddingRequest = v.InferOutput<typeof EmbeddingRequest>;
