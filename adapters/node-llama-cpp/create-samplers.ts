// The samplers of a request, one for each of its choices.
import { AdapterError } from "../adapter.ts";
import type { TokenRequest } from "../token-engine.ts";
import type { GrammarState, Addon } from "./addon.ts";
import { createLikelihoods } from "./likelihood.ts";
import { checkSamplers, samplerConfig } from "./sampler-settings.ts";
import { tokenBias } from "./token-bias.ts";
import { createTokenSampler, type TokenSampler } from "./token-sampler.ts";
import type { EmbeddedVocabulary } from "./vocabulary.ts";

/** llama.cpp takes another seed each time where it gets this one. */
const RANDOM_SEED = 2 ** 32 - 1;

export interface SamplersOptions {
  addon: Addon;
  vocabulary: EmbeddedVocabulary;
  context_length: number;
  /** Of this answer. */
  max_tokens: number;
}

/** Throws `AdapterError` `request_refused` and `request_unsupported`. */
export function createSamplers(request: TokenRequest, options: SamplersOptions): TokenSampler[] {
  checkSamplers(request);
  const { addon, vocabulary } = options;
  const { seed, grammar, logprobs, choices = 1 } = request;
  const { config, banned } = tokenBias(request, vocabulary);
  const state = grammar === undefined ? undefined : compile(grammar, addon);
  return Array.from({ length: choices }, (_, choice) =>
    createTokenSampler(addon, {
      config: { ...samplerConfig({ ...request, seed: (seed + choice) % RANDOM_SEED }, options), ...config },
      grammar: state && addon.cloneGrammarState(state),
      banned,
      end: (state && vocabulary.ends()[0]) ?? -1,
      likelihoods: logprobs && createLikelihoods(addon, logprobs.top),
    }),
  );
}

function compile(grammar: string, addon: Addon): GrammarState {
  try {
    return addon.newGrammarState(grammar);
  } catch (error) {
    throw new AdapterError("request_refused", "The grammar cannot be used: it cannot be parsed.", {
      param: "grammar",
      cause: error,
    });
  }
}
