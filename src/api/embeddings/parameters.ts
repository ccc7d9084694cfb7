// The parameters of a request for embeddings, and what becomes of each. The table of docs/api.md is made from it.
import { entries, type ParameterList } from "../generation/parameters/known.ts";
import { each, EMPTY, is, NEVER } from "../generation/parameters/nothing.ts";

export const PARAMETERS: ParameterList = new Map([
  ...entries(
    { OpenAI: each(NEVER, "input model encoding_format dimensions"), Ollama: { keep_alive: NEVER } },
    { type: "honoured" },
  ),
  ...entries({ OpenAI: { user: EMPTY }, vLLM: { priority: is(0) } }, { type: "passed over" }),
  // A text is taken whole or refused, and a vector has the norm 1.
  ...entries(
    {
      Ollama: { truncate: is(false) },
      vLLM: { truncate_prompt_tokens: NEVER, add_special_tokens: is(true) },
      "llama.cpp": { embd_normalize: is(2) },
      TEI: { normalize: is(true) },
    },
    { type: "refused" },
  ),
]);
