// Parameters of every generated text that do what they say, by the API that they are best known from.
import type { Capability } from "../../../../adapters/adapter.ts";
import { SAMPLERS } from "../../../../adapters/samplers.ts";
import type { Groups } from "./known.ts";
import { each, either, EMPTY, is, NEVER, type Nothing, OFF, whileOff, WITHOUT_PENALTY } from "./nothing.ts";

/** With every engine. */
export const HONOURED: Groups = {
  OpenAI: {
    ...each(NEVER, "model stream stream_options stream_options.include_usage"),
    ...each(NEVER, "max_tokens max_completion_tokens temperature top_p seed stop"),
    ...each(NEVER, "frequency_penalty presence_penalty"),
  },
  "llama.cpp": { top_k: NEVER, min_p: NEVER, repeat_penalty: NEVER, cache_prompt: is(true) },
  Ollama: { keep_alive: NEVER },
};

const RESPONSE_FORMAT_TEXT: Nothing = {
  says: '`{"type":"text"}`',
  includes: (value) => (value as { type?: unknown }).type === "text",
};

/** llama.cpp takes it for no grammar, and so do its clients. */
const NO_GRAMMAR: Nothing = { ...is(""), withheld: true };

/** With engines that have a capability. */
export const OPTIONAL: Partial<Record<Capability, Groups>> = {
  response_format: { OpenAI: { response_format: RESPONSE_FORMAT_TEXT } },
  logit_bias: { OpenAI: { logit_bias: EMPTY } },
  grammar: { "llama.cpp": { grammar: NO_GRAMMAR } },
  choices: { OpenAI: { n: is(1) } },
  samplers: { "llama.cpp": Object.fromEntries(Object.keys(SAMPLERS).map((name) => [name, samplerNothing(name)])) },
};

/** Other names of a parameter that is honoured. */
export const MAPPED: Record<string, Record<string, string>> = {
  "llama.cpp": { n_predict: "max_tokens" },
  Ollama: { num_predict: "max_tokens" },
  "Hugging Face": { max_new_tokens: "max_tokens" },
  vLLM: { repetition_penalty: "repeat_penalty" },
  Mistral: { random_seed: "seed" },
  "LM Studio": { ttl: "keep_alive" },
  OpenRouter: { usage: "stream_options.include_usage" },
};

/** Other forms of a parameter that some engines honour: `respell.ts` reads them. */
export const RESPELLED: Record<string, Record<string, { to: string; nothing: Nothing }>> = {
  "llama.cpp": { n_cmpl: { to: "n", nothing: is(1) }, json_schema: { to: "response_format", nothing: NEVER } },
  vLLM: {
    ...formatsOf(EMPTY, "guided_json guided_regex guided_choice"),
    ...formatsOf(is(false), "guided_json_object"),
    ...formatsOf(either(EMPTY, is(true, false)), "structured_outputs"),
  },
  SGLang: formatsOf(EMPTY, "regex"),
  Ollama: formatsOf(EMPTY, "format"),
  "Hugging Face": { num_return_sequences: { to: "n", nothing: is(1) } },
};

function samplerNothing(name: string): Nothing {
  if (name in OFF) return is(OFF[name as keyof typeof OFF]);
  if (name.startsWith("mirostat_")) return whileOff("mirostat");
  if (name.startsWith("xtc_")) return whileOff("xtc_probability");
  if (name.startsWith("dry_")) return whileOff("dry_multiplier");
  if (name === "dynatemp_exponent") return whileOff("dynatemp_range");
  if (name === "repeat_last_n") return WITHOUT_PENALTY;
  return name === "min_keep" ? is(0) : NEVER;
}

function formatsOf(nothing: Nothing, names: string) {
  return Object.fromEntries(names.split(" ").map((name) => [name, { to: "response_format", nothing }]));
}
