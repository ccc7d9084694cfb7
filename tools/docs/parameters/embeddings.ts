// The tables of the parameters of embeddings and ranks.
import type { Engine } from "../../../adapters/adapter.ts";
import { PARAMETERS as OF_EMBEDDINGS } from "../../../src/api/embeddings/parameters.ts";
import { prepareEmbeddings } from "../../../src/api/embeddings/prepare.ts";
import { EmbeddingRequest } from "../../../src/api/embeddings/schema.ts";
import { PARAMETERS as OF_RANKS } from "../../../src/api/rerank/parameters.ts";
import { prepareRerank } from "../../../src/api/rerank/prepare.ts";
import { RerankBody } from "../../../src/api/rerank/schema.ts";
import { validateWith } from "../../../src/http/validate.ts";
import type { ParameterTable } from "./table.ts";

const USAGE = { prompt_tokens: 1, completion_tokens: 0, cached_tokens: 0 } as const;
const engine: Partial<Engine> = {
  async *embed() {
    yield { type: "finish", usage: USAGE };
  },
  async *rerank() {
    yield { type: "finish", usage: USAGE };
  },
};
const signal = new AbortController().signal;

export const EMBEDDINGS_TABLE: ParameterTable = {
  heading: "Parameters of embeddings",
  source: "src/api/embeddings/parameters.ts",
  list: OF_EMBEDDINGS,
  examples: {
    input: { input: ["hello", "world"] },
    model: { model: "tiny" },
    encoding_format: { encoding_format: "base64" },
    // As many as the vectors of the tiny model have.
    dimensions: { dimensions: 64 },
    keep_alive: { keep_alive: 60 },
    truncate: { truncate: true },
    truncate_prompt_tokens: { truncate_prompt_tokens: 5 },
    add_special_tokens: { add_special_tokens: false },
    embd_normalize: { embd_normalize: -1 },
    normalize: { normalize: false },
  },
  needed: { input: "hello" },
  async try(fields, model, adapter) {
    const request = validateWith(EmbeddingRequest, fields);
    const { ignored, embed } = prepareEmbeddings(request, fields, { model: { embedding_length: 64, ...model }, adapter });
    for await (const _ of embed(engine as Engine, signal));
    return { ignored, handed_on: [] };
  },
};

export const RERANK_TABLE: ParameterTable = {
  heading: "Parameters of ranks",
  source: "src/api/rerank/parameters.ts",
  list: OF_RANKS,
  examples: {
    query: { query: "world" },
    documents: { documents: ["hello", { text: "world" }] },
    model: { model: "tiny" },
    top_n: { top_n: 1 },
    return_documents: { return_documents: true },
    keep_alive: { keep_alive: 60 },
    rank_fields: { rank_fields: ["title"] },
    relevant_spans: { relevant_spans: { mode: "enabled" } },
    truncate: { truncate: true },
    return_embeddings: { return_embeddings: true },
  },
  needed: { query: "hello", documents: ["hello", "world"] },
  async try(fields, model, adapter) {
    const request = validateWith(RerankBody, fields);
    const { ignored, rerank } = prepareRerank(request, fields, { model, adapter });
    for await (const _ of rerank(engine as Engine, signal));
    return { ignored, handed_on: [] };
  },
};
