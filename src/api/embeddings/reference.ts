// What the reference says of embeddings.
import * as v from "valibot";
import { Count, described, LOAD_ERRORS, type Operation } from "../reference/operation.ts";
import { EmbeddingRequest } from "./schema.ts";

const Input = described(
  v.union([v.string(), v.array(v.string()), v.array(Count), v.array(v.array(Count))]),
  "A text, tokens by their ids, or up to 2,048 of either.",
);

export const TextUsageReference = v.object({ prompt_tokens: Count, total_tokens: Count });

/** Errors of operations that read texts and generate nothing. */
export const TEXT_ERRORS: readonly string[] = [
  ...LOAD_ERRORS,
  ...["400 context_length_exceeded", "400 unsupported_parameter", "429 queue_full", "429 upstream_busy"],
  ...["500 generation_failed", "504 request_timeout"],
];

const Embeddings = v.object({
  object: v.literal("list"),
  data: described(
    v.array(
      v.object({
        object: v.literal("embedding"),
        index: Count,
        embedding: described(
          v.union([v.array(v.number()), v.string()]),
          "Of the norm 1. As `base64`: of the numbers, each of 32 bits, the lowest byte first.",
        ),
      }),
    ),
    "In the order of the texts.",
  ),
  model: v.string(),
  usage: TextUsageReference,
});

export const embeddingOperations: Operation[] = [
  {
    ...{ id: "createEmbeddings", method: "post", path: "/v1/embeddings", tag: "Embeddings", summary: "Make vectors of texts" },
    description: "A text is taken whole, or refused where it is longer than the model takes.",
    body: {
      schema: v.looseObject({ ...EmbeddingRequest.entries, input: Input }),
      examples: { text: { input: "A cat." }, several: { input: ["A cat.", "A dog."], encoding_format: "base64" } },
    },
    answer: {
      description: "The vectors.",
      schema: Embeddings,
      example: {
        object: "list",
        data: [{ object: "embedding", index: 0, embedding: [0.0123, -0.0456] }],
        ...{ model: "nomic-embed-text-v1.5", usage: { prompt_tokens: 5, total_tokens: 5 } },
      },
    },
    errors: TEXT_ERRORS,
  },
];
