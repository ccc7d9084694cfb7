// A request as llama-server takes it. What llama-server would ignore, change or crash at is refused here.
import type { TokenLogprob } from "../adapter.ts";
import { tokenBiases } from "../shared/token-biases.ts";
import { readSamplers } from "../samplers.ts";
import type { TokenRequest } from "../token-engine.ts";
import { comparisonFields } from "./compared-tokens.ts";
import { RESPONSE_FIELDS } from "./completion-frames.ts";

/** What a loaded model can take. */
export interface LlamaServerModel {
  /** Tokens of a slot. */
  context_length: number;
  /** Tokens of the vocabulary. */
  vocab_size: number;
}

export type Sampling = Omit<TokenRequest, "prompt" | "stop" | "thoughts" | "choices">;

// Samplers are off unless the request names them. The penalties include the last tokens of the prompt, which no setting changes.
const OFF = {
  ...{ mirostat: 0, typical_p: 1, dynatemp_range: 0, xtc_probability: 0, dry_multiplier: 0, top_n_sigma: -1 },
  ...{ repeat_last_n: 64, min_keep: 0, ignore_eos: false },
};

/** The request as llama-server can honour it. Throws `AdapterError` `request_refused` where it cannot. */
export function checkedSampling<Request extends Sampling>(request: Request, model: LlamaServerModel): Request {
  const biases = tokenBiases(request, model.vocab_size);
  return { ...request, ...(biases.size > 0 && { logit_bias: Object.fromEntries(biases) }), samplers: samplersOf(request, model) };
}

/** The body of `POST /completion`, of a request that was checked. */
export function completionBody(request: TokenRequest, model: LlamaServerModel): Record<string, unknown> {
  const { prompt, max_tokens, logprobs, shown_tokens, choices, grammar_begun, compared } = request;
  return {
    prompt,
    stream: true,
    response_fields: RESPONSE_FIELDS,
    ...samplingOf(request),
    n_predict: Math.min(max_tokens, model.context_length),
    ...(logprobs && { n_probs: rivals(logprobs) }),
    ...(shown_tokens && { preserved_tokens: shown_tokens }),
    ...(choices !== undefined && { n_cmpl: choices }),
    ...(compared && comparisonFields(compared)),
    // llama-server gives the text to the grammars of these types alone.
    ...(grammar_begun && { generation_prompt: grammar_begun.text, grammar_type: "tool_calls" }),
  };
}

/** Names that both routes know. Stop strings are found here: llama-server drops the beginning of one at the end of an answer. */
export function samplingOf(request: Sampling): Record<string, unknown> {
  const { top_p, top_k, min_p, repeat_penalty, frequency_penalty, presence_penalty, seed, logit_bias, grammar } = request;
  return {
    ...{ top_p, top_k, min_p, repeat_penalty, frequency_penalty, presence_penalty, seed, ...OFF, ...request.samplers },
    // top_p 0 keeps the likeliest token alone, which is what greedy is.
    temperature: top_p === 0 ? 0 : request.temperature,
    return_progress: true,
    ...(logit_bias && { logit_bias: biasFields(logit_bias) }),
    ...(grammar !== undefined && { grammar }),
  };
}

/** JSON has no -Infinity: llama-server has another value for a token that never comes. */
const biasFields = (biases: Record<string, number>): [token: number, bias: number | false][] =>
  Object.entries(biases).map(([token, bias]) => [Number(token), bias === -Infinity ? false : bias]);

/** With 0 llama-server leaves out the chosen tokens too: `trimLogprobs` cuts the list down again. */
export const rivals = ({ top }: NonNullable<TokenRequest["logprobs"]>): number => Math.max(1, top);

/** Cuts the rivals of each token down to `logprobs.top`, and shows those whose text llama-server leaves out. */
export function trimLogprobs<Event extends { type: string; logprobs?: TokenLogprob[] }>(
  event: Event,
  { logprobs }: Pick<TokenRequest, "logprobs">,
): Event {
  if (event.logprobs === undefined || logprobs === undefined) return event;
  const trimmed = event.logprobs.map((token) => ({
    ...token,
    top_logprobs: token.top_logprobs?.slice(0, logprobs.top).map(readableRival) ?? [],
  }));
  return { ...event, logprobs: trimmed };
}

/** A part of a character is shown as such; a token that no text has anything of, as one that ends the answer, has no bytes. */
function readableRival<Rival extends Omit<TokenLogprob, "top_logprobs">>(rival: Rival): Rival {
  if (rival.token !== "") return rival;
  if (!rival.bytes?.length) return { ...rival, bytes: null };
  return { ...rival, token: new TextDecoder().decode(Uint8Array.from(rival.bytes)) };
}

/** llama-server takes no -1 for the length of the context. */
function samplersOf(request: Sampling, { context_length }: LlamaServerModel): Record<string, unknown> {
  const samplers = Object.entries(readSamplers(request));
  return Object.fromEntries(
    samplers.map(([name, value]) => [name, name.endsWith("last_n") && value === -1 ? context_length : value]),
  );
}
