// The parameters of requests for tokens and texts of them, and what becomes of each. The tables of docs/api.md are made from these lists.
import { entries, type ParameterList } from "../generation/parameters/known.ts";
import { each, EMPTY, is, NEVER } from "../generation/parameters/nothing.ts";

const SHARED = { OpenAI: { model: NEVER }, Ollama: { keep_alive: NEVER } };

/** With `messages`, the fields of a chat are read too. */
export const TOKENIZE_PARAMETERS: ParameterList = new Map([
  ...entries(
    {
      "llama.cpp": { ...each(NEVER, "content add_special parse_special"), with_pieces: is(false) },
      vLLM: { ...each(NEVER, "prompt messages add_special_tokens"), return_token_strs: is(false) },
      ...SHARED,
    },
    { type: "honoured" },
  ),
  ...entries({ OpenAI: { user: EMPTY }, vLLM: { request_id: EMPTY } }, { type: "passed over" }),
  ...entries(
    { "llama.cpp": { chat_template: is("") }, vLLM: each(EMPTY, "mm_processor_kwargs media_io_kwargs") },
    { type: "refused" },
  ),
]);

export const DETOKENIZE_PARAMETERS: ParameterList = new Map([
  ...entries({ "llama.cpp": { tokens: NEVER }, ...SHARED }, { type: "honoured" }),
  ...entries({ OpenAI: { user: EMPTY }, vLLM: { request_id: EMPTY } }, { type: "passed over" }),
]);
