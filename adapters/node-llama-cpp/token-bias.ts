// The bias of a request for and against tokens: its own, and what keeps the text of a grammar whole.
import { AdapterError } from "../adapter.ts";
import type { TokenRequest } from "../token-engine.ts";
import type { SamplerConfig } from "./addon.ts";
import type { EmbeddedVocabulary } from "./vocabulary.ts";

export interface TokenBias {
  config: Partial<SamplerConfig>;
  /** By token. */
  biases: ReadonlyMap<number, number>;
  /** Tokens that must not come. The native sampler takes one of them where nothing else is left. */
  banned: ReadonlySet<number>;
  /** Whether the request bans tokens by their numbers. */
  is_asked: boolean;
}

/** Never, in OpenAI's API. */
const NEVER = -100;

/** Throws `AdapterError` `request_refused` for tokens that the model does not have. */
export function tokenBias(
  { logit_bias = {}, samplers, grammar, shown_tokens = [] }: TokenRequest,
  vocabulary: EmbeddedVocabulary,
): TokenBias {
  const biases = new Map<number, number>();
  // A grammar reads special tokens by their names, which the text does not show.
  if (grammar !== undefined) {
    for (const [token, name] of vocabulary.hidden()) if (!shown_tokens.includes(name)) biases.set(token, -Infinity);
  }
  for (const [id, bias] of Object.entries(logit_bias)) {
    checkToken(id, vocabulary.size);
    const token = Number(id);
    if (bias !== 0 && biases.get(token) !== -Infinity) biases.set(token, bias <= NEVER ? -Infinity : bias);
  }
  if (samplers?.ignore_eos === true) for (const token of vocabulary.ends()) biases.set(token, -Infinity);
  const banned = new Set([...biases].filter(([, bias]) => bias === -Infinity).map(([token]) => token));
  const config = { tokenBiasKeys: Uint32Array.from(biases.keys()), tokenBiasValues: Float32Array.from(biases.values()) };
  const is_asked = Object.values(logit_bias).some((bias) => bias <= NEVER);
  return { config: biases.size > 0 ? config : {}, biases, banned, is_asked };
}

/** The error of an answer in which no token may come next: the fault of the request where it bans tokens. `otherwise`: what else is at fault. */
export function noTokenLeft({ is_asked }: TokenBias, otherwise: string): AdapterError {
  if (!is_asked) return new AdapterError("generation_failed", otherwise);
  const message = '"logit_bias" leaves no token with which the answer could go on. Ban fewer tokens.';
  return new AdapterError("request_refused", message, { param: "logit_bias" });
}

function checkToken(id: string, size: number): void {
  if (/^\d+$/.test(id) && Number(id) < size) return;
  const message = `"logit_bias" names the token ${id.slice(0, 40)}, and the model has the tokens 0 to ${size - 1}.`;
  throw new AdapterError("request_refused", message, { param: "logit_bias" });
}
