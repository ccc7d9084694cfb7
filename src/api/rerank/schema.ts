// The body of a request for ranks, in the forms of Cohere and Jina.
import * as v from "valibot";
import { KeepAlive } from "../../support/quantities.ts";
import { codedMessage } from "../../support/coded-message.ts";
import { looseObject } from "../objects.ts";

export const MOST_DOCUMENTS = 2_048;

const NO_TEXT = 'A query or a document is a string, or an object such as {"text":"Hello"}.';
const Text = v.union([v.string(), looseObject({ text: v.string() })], codedMessage("invalid_type", NO_TEXT));

export const RerankBody = looseObject({
  model: v.nullish(v.pipe(v.string(), v.minLength(1))),
  query: Text,
  documents: v.pipe(v.array(Text), v.minLength(1), v.maxLength(MOST_DOCUMENTS)),
  /** The best so many; absent: all. */
  top_n: v.nullish(v.pipe(v.number(), v.safeInteger(), v.minValue(1))),
  return_documents: v.nullish(v.boolean()),
  /** How long the model stays loaded afterwards: seconds or "10m", here in ms. */
  keep_alive: v.nullish(KeepAlive),
});
export type RerankBody = v.InferOutput<typeof RerankBody>;

export const textOf = (text: RerankBody["query"]): string => (typeof text === "string" ? text : text.text);
