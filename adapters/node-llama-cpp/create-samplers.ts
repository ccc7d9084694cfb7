// The samplers of a request, one for each of its choices.
import { AdapterError } from "../adapter.ts";
import type { TokenRequest } from "../token-engine.ts";
import type { GrammarState, Addon } from "./addon.ts";
import { createComparison } from "./compared-tokens.ts";
import { createLikelihoods } from "./likelihood.ts";
import { checkSamplers, dryHistory, samplerConfig } from "./sampler-settings.ts";
import { tokenBias } from "./token-bias.ts";
import { createTokenSampler, type TokenSampler } from "./token-sampler.ts";
import type { AllowedTokens } from "./token-tree.ts";
import type { EmbeddedVocabulary } from "./vocabulary.ts";

/** llama.cpp takes another seed each time where it gets this one. */
const RANDOM_SEED = 2 ** 32 - 1;

export interface SamplersOptions {
  addon: Addon;
  vocabulary: EmbeddedVocabulary;
  allowed: AllowedTokens;
  context_length: number;
  /** Of this answer. */
  max_tokens: number;
}

/** Throws `AdapterError` `request_refused` and `request_unsupported`. */
export function createSamplers(request: TokenRequest, options: SamplersOptions): TokenSampler[] {
  checkSamplers(request);
  const { addon, vocabulary, allowed } = options;
  const { seed, grammar, grammar_begun, shown_tokens = [], logprobs, choices = 1, compared } = request;
  if (compared !== undefined) return [createComparison(addon, compared)];
  const bias = tokenBias(request, vocabulary);
  const state = grammar === undefined ? undefined : compile(grammar, addon);
  for (const token of grammar_begun?.tokens ?? []) acceptBegun(token, state!, addon);
  const shown = state ? [...vocabulary.hidden()].filter(([, name]) => shown_tokens.includes(name)).map(([token]) => token) : [];
  return Array.from({ length: choices }, (_, choice) => {
    const config = { ...samplerConfig({ ...request, seed: (seed + choice) % RANDOM_SEED }, options), ...bias.config };
    return createTokenSampler(addon, {
      ...{ config, bias, history: dryHistory(request, config) },
      grammar: state && { state: addon.cloneGrammarState(state), allowed, ends: vocabulary.ends(), shown },
      likelihoods: logprobs && createLikelihoods(addon, logprobs.top),
    });
  });
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

/** A token that does not fit would end the process. */
function acceptBegun(token: number, state: GrammarState, addon: Addon): void {
  if (addon.canBeNext(state, token)) return addon.accept(state, token);
  const message = "The last message is no beginning of what its grammar permits.";
  throw new AdapterError("request_refused", message, { param: "messages" });
}
