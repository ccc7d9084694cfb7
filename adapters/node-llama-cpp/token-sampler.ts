// Samples the tokens of one answer. A grammar, a bias and logprobs are what the native sampler needs help with: where nothing is left that may
// come it takes a token that must not, and an error of its own leaves the grammar in a state that ends the process when it is used.
import { AdapterError } from "../adapter.ts";
import { noTokenLeft } from "../shared/token-biases.ts";
import type { Addon, SamplerConfig } from "./addon.ts";
import { samplerAfter } from "./dry-history.ts";
import { createGrammarSampler, type GrammarSamplerOptions, type NativeSample } from "./grammar-sampler.ts";
import type { Likelihoods, SampledToken } from "./likelihood.ts";
import type { TokenBias } from "./token-bias.ts";

export interface TokenSampler {
  /** `index`: as `AddonContext.sampleToken` has it. After an error it must not be called again. Throws `AdapterError`. */
  sample(index: number): Promise<SampledToken>;
  dispose(): void;
}

export interface TokenSamplerOptions {
  config: SamplerConfig;
  bias: TokenBias;
  /** What DRY has to have seen. */
  history: readonly number[];
  grammar?: Omit<GrammarSamplerOptions, "config" | "bias" | "history"> | undefined;
  likelihoods?: Likelihoods | undefined;
}

export function createTokenSampler(addon: Addon, { grammar, likelihoods, ...options }: TokenSamplerOptions): TokenSampler {
  const inner = grammar ? createGrammarSampler(addon, { ...grammar, ...options }) : createFreeSampler(addon, options);
  return {
    async sample(index) {
      const sampling = inner.sample(index);
      return likelihoods ? likelihoods.with(sampling, index) : { token: await sampling };
    },
    dispose() {
      inner.dispose();
      likelihoods?.dispose();
    },
  };
}

function createFreeSampler(addon: Addon, { config, bias, history }: TokenSamplerOptions): NativeSample {
  const { context, newSampler } = addon;
  let native = history.length === 0 ? newSampler(config) : undefined;
  return {
    async sample(index) {
      native ??= await samplerAfter(addon, config, history, index);
      const token = await context.sampleToken(index, native);
      if (token < 0) throw new AdapterError("generation_failed", "The engine could not sample a token.");
      if (!bias.banned.has(token)) return token;
      throw bias.is_asked ? noTokenLeft() : new AdapterError("generation_failed", "No token could come next.");
    },
    dispose: () => native?.dispose(),
  };
}
