// The parameters of a request for ranks, and what becomes of each. The table of docs/api.md is made from it.
import { isObject } from "../../support/json.ts";
import { entries, type ParameterList } from "../generation/parameters/known.ts";
import { each, EMPTY, is, NEVER } from "../generation/parameters/nothing.ts";

export const PARAMETERS: ParameterList = new Map([
  ...entries(
    { Cohere: each(NEVER, "model query documents top_n return_documents"), Ollama: { keep_alive: NEVER } },
    { type: "honoured" },
  ),
  // A document is taken whole or refused: what bounds its length binds nothing.
  ...entries(
    { Cohere: { ...each(NEVER, "max_chunks_per_doc max_tokens_per_doc"), priority: is(0) }, OpenAI: { user: EMPTY } },
    { type: "passed over" },
  ),
  ...entries(
    {
      Cohere: {
        rank_fields: { says: '`["text"]`', includes: isTextAlone },
        relevant_spans: { says: '`{"mode": "disabled"}`', includes: (value) => isObject(value) && value.mode === "disabled" },
      },
      Jina: { truncate: is(false), return_embeddings: is(false) },
    },
    { type: "refused" },
  ),
]);

function isTextAlone(value: unknown): boolean {
  return Array.isArray(value) && value.every((name) => name === "text");
}
