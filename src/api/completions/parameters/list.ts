// The parameters of a completion that OpenAI, llama.cpp, vLLM and others know, and what becomes of each.
import { CHAT_HONOURED, CHAT_OPTIONAL, CHAT_RESPELLED, SWITCHES, THOUGHTS } from "../../chat/parameters/honoured.ts";
import { HONOURED, MAPPED, OPTIONAL, RESPELLED } from "../../generation/parameters/honoured.ts";
import {
  entries,
  type Groups,
  mappedEntries,
  optionalEntries,
  type ParameterList,
  respelledEntries,
} from "../../generation/parameters/known.ts";
import { each, EMPTY, is, NEVER, type Nothing } from "../../generation/parameters/nothing.ts";
import { PASSED_OVER } from "../../generation/parameters/passed-over.ts";
import { REFUSED } from "../../generation/parameters/refused.ts";

/** `suffix` needs a model with tokens for it, and `echo` beside `logprobs` an engine that scores prompts. */
const OWN: Groups = { OpenAI: { prompt: NEVER, echo: is(false), suffix: EMPTY } };

const NO_MORE_THAN_N: Nothing = {
  says: "up to `n`",
  includes: (value, { n }) => typeof value === "number" && value >= 1 && value <= (typeof n === "number" ? n : 1),
};

/** A prompt has no messages, tools or answers to go on with. */
const OF_CHAT: Groups = {
  OpenAI: {
    messages: EMPTY,
    ...CHAT_OPTIONAL.tools!.OpenAI,
    ...Object.fromEntries(Object.entries(CHAT_RESPELLED.OpenAI!).map(([name, { nothing }]) => [name, nothing])),
    top_logprobs: is(0),
    best_of: NO_MORE_THAN_N,
  },
  vLLM: each(is(false), Object.keys(CHAT_HONOURED.vLLM!).join(" ")),
};

/** vLLM puts before the prompt what a sequence begins with, unless it is told otherwise; so does every engine here. */
const SPECIAL_TOKENS: Groups = { vLLM: { add_special_tokens: is(true) } };

export const PARAMETERS: ParameterList = new Map([
  ...entries(PASSED_OVER, { type: "passed over" }),
  // No template opens thoughts in a prompt, so nothing turns or bounds them.
  ...entries(SWITCHES, { type: "passed over" }),
  ...entries(THOUGHTS, { type: "passed over" }),
  ...entries(REFUSED, { type: "refused" }),
  ...entries(OF_CHAT, { type: "refused" }),
  ...entries(SPECIAL_TOKENS, { type: "refused" }),
  ...entries(OWN, { type: "honoured" }),
  ...entries(HONOURED, { type: "honoured" }),
  ...optionalEntries({ logprobs: { OpenAI: { logprobs: is(false) } } }),
  ...optionalEntries(OPTIONAL),
  ...mappedEntries(MAPPED),
  ...respelledEntries(RESPELLED),
]);
