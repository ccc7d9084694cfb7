// Samples the tokens of one answer. A grammar, a bias and logprobs are what the native sampler needs help with: where nothing is left that may
// come it takes a token that must not, and an error of its own leaves the grammar in a state that ends the process when it is used.
import { AdapterError } from "../adapter.ts";
import type { AddonSampler, GrammarState, Addon, SamplerConfig } from "./addon.ts";
import type { Likelihoods, SampledToken } from "./likelihood.ts";

export interface TokenSampler {
  /** `index`: as `AddonContext.sampleToken` has it. After an error it must not be called again. Throws `AdapterError` `generation_failed`. */
  sample(index: number): Promise<SampledToken>;
  dispose(): void;
}

export interface TokenSamplerOptions {
  config: SamplerConfig;
  /** Its beginning, which is this sampler's alone. */
  grammar?: GrammarState | undefined;
  /** As `TokenBias` has it. */
  banned: ReadonlySet<number>;
  /** A token that ends the answer. */
  end: number;
  likelihoods?: Likelihoods | undefined;
}

export function createTokenSampler(addon: Addon, options: TokenSamplerOptions): TokenSampler {
  const { config, grammar, banned, likelihoods } = options;
  const native = addon.newSampler({ ...config, ...(grammar && { grammarEvaluationState: addon.cloneGrammarState(grammar) }) });
  const sampleOne =
    grammar === undefined && banned.size === 0
      ? async (index: number) => sampled(await addon.context.sampleToken(index, native))
      : checkedSample(addon, native, options);
  return {
    async sample(index) {
      const sampling = sampleOne(index);
      return likelihoods ? likelihoods.with(sampling, index) : { token: await sampling };
    },
    dispose() {
      native.dispose();
      likelihoods?.dispose();
    },
  };
}

/**
 * `grammar` follows the one that the native sampler has: that one takes the first bytes of any character, and is of no use once it has thrown.
 */
function checkedSample(addon: Addon, native: AddonSampler, { grammar, banned, end }: TokenSamplerOptions) {
  const isWhole = (): boolean => grammar === undefined || addon.canBeNext(grammar, end);
  // Where the end must not come and the grammar allows nothing else, the text is whole all the same.
  const watches_end = grammar !== undefined && banned.has(end);
  const fits = (token: number): boolean => {
    if (grammar === undefined) return true;
    if (addon.model.isEogToken(token)) return isWhole();
    if (!addon.canBeNext(grammar, token)) return false;
    addon.accept(grammar, token);
    return true;
  };
  return async function sample(index: number): Promise<number> {
    const whole = watches_end && isWhole();
    const sampling = addon.context.sampleToken(index, native);
    const token = await (grammar === undefined ? sampling : sampling.catch(() => undefined));
    if (token !== undefined && !banned.has(sampled(token)) && fits(token)) return token;
    if (whole) return end;
    const why = token !== undefined && banned.has(token) ? BANNED : DEAD_END;
    throw new AdapterError("generation_failed", why);
  };
}

const BANNED = `The answer cannot go on: "logit_bias" and its grammar leave no token.`;
const DEAD_END = "The answer cannot go on as its grammar wants it: no token of this model fits.";

function sampled(token: number): number {
  if (token < 0) throw new AdapterError("generation_failed", "The engine could not sample a token.");
  return token;
}
