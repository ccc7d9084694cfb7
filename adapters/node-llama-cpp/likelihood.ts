// How likely a sampled token was before samplers, bias and grammar, beside its likeliest rivals. To ask the sampler itself costs 6 to 20 ms a
// token under a grammar; two samplers of their own at the same place cost less than 1 ms. They run beside it, as each wait for a native call
// costs as much again.
import type { Addon, SamplerConfig } from "./addon.ts";

export interface SampledToken {
  token: number;
  /** Where it is asked for. */
  likelihood?: TokenLikelihood;
}

/** Natural logarithms of probabilities. */
export interface TokenLikelihood {
  logprob: number;
  /** The likeliest tokens with theirs, in this order. */
  top: readonly (readonly [token: number, logprob: number])[];
}

/** A sampler that takes the likeliest token. */
export const NEUTRAL_SAMPLER: SamplerConfig = {
  ...{ temperature: 0, topP: 1, minP: 0, seed: 0, repeatPenaltyTokens: new Uint32Array(), repeatPenaltyMaxTokens: 0 },
  ...{ repeatPenalty: 1, repeatPenaltyFrequencyPenalty: 0, repeatPenaltyPresencePenalty: 0 },
};

/** Nearly every sampled token is one of so many. */
const LIKELIEST = 64;

export type Likelihoods = ReturnType<typeof createLikelihoods>;

/** `count`: rivals. */
export function createLikelihoods({ context, newSampler }: Pick<Addon, "context" | "newSampler">, count: number) {
  const all = newSampler(NEUTRAL_SAMPLER);
  // A sampler that keeps so many hands them out sorted.
  const kept = Math.max(count, LIKELIEST);
  const likeliest = newSampler({ ...NEUTRAL_SAMPLER, temperature: 1, topK: kept });

  return {
    /** `sampling`: of the token at `index`, which is as `AddonContext.sampleToken` has it. Settles when no native call runs any more. */
    async with(sampling: Promise<number>, index: number): Promise<SampledToken> {
      const asking = Promise.all([
        context.sampleToken(index, likeliest, false, false, [[], false, false, false, kept], false),
        context.sampleToken(index, all, false, false, false, true),
      ]);
      await Promise.allSettled([sampling, asking]);
      const token = await sampling;
      const [[, , , flat], [, , , , total]] = await asking;
      const top = pairs(flat!);
      // The total is a sum of exponents in which the highest logit counts as 0.
      const base = top[0]![1] + Math.log(total!);
      const logit = top.find(([rival]) => rival === token)?.[1] ?? (await logitOf(token, index));
      const rivals = top.slice(0, count).map(([rival, logit]) => [rival, logit - base] as const);
      return { token, likelihood: { logprob: logit - base, top: rivals } };
    },
    dispose(): void {
      all.dispose();
      likeliest.dispose();
    },
  };

  async function logitOf(token: number, index: number): Promise<number> {
    const [, , , flat] = await context.sampleToken(index, all, false, false, [[token], false, false, false, 0], false);
    return flat![1]!;
  }
}

function pairs(flat: readonly number[]): [number, number][] {
  return Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i]!, flat[2 * i + 1]!]);
}
