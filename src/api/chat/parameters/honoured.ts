// Parameters of a chat alone that do what they say, by the API that they are best known from.
import type { Capability } from "../../../../adapters/adapter.ts";
import { isObject } from "../../../support/json.ts";
import type { Groups } from "../../generation/parameters/known.ts";
import { beside, each, either, EMPTY, EMPTY_OBJECT, is, NEVER, type Nothing } from "../../generation/parameters/nothing.ts";

/** With every engine. */
export const CHAT_HONOURED: Groups = {
  OpenAI: each(NEVER, "messages"),
  vLLM: each(NEVER, "continue_final_message add_generation_prompt"),
};

/** With engines that have a capability. */
export const CHAT_OPTIONAL: Partial<Record<Capability, Groups>> = {
  tools: {
    OpenAI: {
      tools: either(EMPTY, beside("tool_choice", "none")),
      tool_choice: is("none", "auto"),
      parallel_tool_calls: is(true, false),
    },
  },
  logprobs: { OpenAI: { logprobs: is(false), top_logprobs: is(0) } },
};

/** Other forms of these: `respell.ts` reads them. */
export const CHAT_RESPELLED: Record<string, Record<string, { to: string; nothing: Nothing }>> = {
  OpenAI: {
    functions: { to: "tools", nothing: either(EMPTY, beside("function_call", "none")) },
    function_call: { to: "tool_choice", nothing: is("none", "auto") },
  },
};

const NO_KWARGS: Nothing = {
  says: "empty",
  includes: (value) => isObject(value) && Object.values(value).every((one) => one === null),
};

/** How much a model thinks; `reasoning.ts` says which switch of a chat template a value turns. */
export const SWITCHES: Groups = {
  OpenAI: { reasoning_effort: NEVER },
  "llama.cpp": {
    chat_template_kwargs: NO_KWARGS,
  },
  Anthropic: { thinking: EMPTY_OBJECT },
  Ollama: { think: NEVER },
  OpenRouter: { reasoning: EMPTY_OBJECT },
  Qwen: { enable_thinking: NEVER },
};

/** What bounds the thoughts of an answer, or keeps them here; `reasoning.ts` says how. */
export const THOUGHTS: Groups = {
  "llama.cpp": each(is(-1), "reasoning_budget reasoning_budget_tokens thinking_budget_tokens"),
  vLLM: { thinking_token_budget: is(-1), include_reasoning: NEVER },
  Qwen: { thinking_budget: is(-1) },
};
