// The bias of a request for and against tokens: its own, and what keeps the text of a grammar whole.
import { NEVER, tokenBiases } from "../shared/token-biases.ts";
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

/** Throws as `tokenBiases`. */
export function tokenBias(request: TokenRequest, vocabulary: EmbeddedVocabulary): TokenBias {
  const { logit_bias = {}, samplers, grammar, shown_tokens = [] } = request;
  const biases = tokenBiases(request, vocabulary.size);
  // A grammar reads special tokens by their names, which the text does not show.
  if (grammar !== undefined) {
    for (const [token, name] of vocabulary.hidden()) if (!shown_tokens.includes(name)) biases.set(token, -Infinity);
  }
  if (samplers?.ignore_eos === true) for (const token of vocabulary.ends()) biases.set(token, -Infinity);
  const banned = new Set([...biases].filter(([, bias]) => bias === -Infinity).map(([token]) => token));
  const config = { tokenBiasKeys: Uint32Array.from(biases.keys()), tokenBiasValues: Float32Array.from(biases.values()) };
  const is_asked = Object.values(logit_bias).some((bias) => bias <= NEVER);
  return { config: biases.size > 0 ? config : {}, biases, banned, is_asked };
}
