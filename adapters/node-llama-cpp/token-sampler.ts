// Samples the tokens of one answer. A grammar, a bias and logprobs are what the native sampler needs help with: where nothing is left that may
// come it takes a token that must not, and an error of its own leaves the grammar in a state that ends the process when it is used.
import { AdapterError } from "../adapter.ts";
import type { Addon, SamplerConfig } from "./addon.ts";
import { createGrammarSampler, type GrammarSamplerOptions, type NativeSample } from "./grammar-sampler.ts";
import type { Likelihoods, SampledToken } from "./likelihood.ts";
import type { TokenBias } from "./token-bias.ts";

export interface TokenSampler {
  /** `index`: as `AddonContext.sampleToken` has it. After an error it must not be called again. Throws `AdapterError` `generation_failed`. */
  sample(index: number): Promise<SampledToken>;
  dispose(): void;
}

export interface TokenSamplerOptions {
  config: SamplerConfig;
  bias: TokenBias;
  grammar?: Omit<GrammarSamplerOptions, "config" | "bias"> | undefined;
  likelihoods?: Likelihoods | undefined;
}

export function createTokenSampler(addon: Addon, { config, bias, grammar, likelihoods }: TokenSamplerOptions): TokenSampler {
  const inner = grammar ? createGrammarSampler(addon, { ...grammar, config, bias }) : createFreeSampler(addon, config, bias);
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

function createFreeSampler({ context, newSampler }: Addon, config: SamplerConfig, { banned }: TokenBias): NativeSample {
  const native = newSampler(config);
  return {
    async sample(index) {
      const token = await context.sampleToken(index, native);
      if (token < 0) throw new AdapterError("generation_failed", "The engine could not sample a token.");
      if (banned.has(token)) throw new AdapterError("generation_failed", `"logit_bias" leaves no token that could come next.`);
      return token;
    },
    dispose: () => native.dispose(),
  };
}
