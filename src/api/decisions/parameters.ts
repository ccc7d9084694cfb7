// The parameters of a request for decisions, and what becomes of each. The table of docs/api.md is made from it.
import { entries, type ParameterList } from "../generation/parameters/known.ts";
import { each, EMPTY, is, NEVER } from "../generation/parameters/nothing.ts";

export const DECISION_PARAMETERS: ParameterList = new Map([
  ...entries({ OpenAI: each(NEVER, "input questions model"), Ollama: { keep_alive: NEVER } }, { type: "honoured" }),
  ...entries(
    { OpenAI: each(EMPTY, "prompt_cache_key prompt_cache_options safety_identifier user metadata") },
    { type: "passed over" },
  ),
  ...entries({ OpenAI: { stream: is(false) } }, { type: "refused" }),
]);
