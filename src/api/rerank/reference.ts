// What the reference says of ranks.
import * as v from "valibot";
import { TEXT_ERRORS, TextUsageReference } from "../embeddings/reference.ts";
import { Count, described, type Operation } from "../reference/operation.ts";
import { RerankBody } from "./schema.ts";

const Ranks = v.object({
  ...{ id: v.string(), object: v.literal("list"), model: v.string() },
  results: described(
    v.array(
      v.object({
        index: described(Count, "Of the document in the request."),
        relevance_score: described(v.number(), "Higher for a better answer; models have no common range."),
        document: described(v.optional(v.object({ text: v.string() })), "With `return_documents`."),
      }),
    ),
    "The best first.",
  ),
  usage: TextUsageReference,
});

const operation = (version: "v1" | "v2", id: string): Operation => ({
  ...{
    id,
    method: "post",
    path: `/${version}/rerank`,
    tag: "Embeddings",
    summary: "Order documents by how well they answer a query",
  },
  description: "In the form of Cohere and Jina. A document is taken whole, or refused where it is too long with the query.",
  body: {
    schema: RerankBody,
    examples: {
      texts: { query: "Which animal purrs?", documents: ["Dogs bark.", "Cats purr."], top_n: 1, return_documents: true },
    },
  },
  answer: {
    description: "The documents by their scores.",
    schema: Ranks,
    example: {
      ...{ id: "rerank-01jd4rfm6w0h6ftx2qk4w8j3vz", object: "list", model: "qwen3-reranker-0.6b" },
      results: [{ index: 1, relevance_score: 0.98, document: { text: "Cats purr." } }],
      usage: { prompt_tokens: 140, total_tokens: 140 },
    },
  },
  errors: TEXT_ERRORS,
});

/** Cohere's clients of today ask the second path. */
export const rerankOperations: Operation[] = [operation("v1", "createRerank"), operation("v2", "createRerankV2")];
