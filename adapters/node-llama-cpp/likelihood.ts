// How likely a sampled token was before samplers, bias and grammar, beside its likeliest rivals. To ask the sampler itself costs 6 to 20 ms a
// token under a grammar; two samplers of their own at the same place cost less than 1 ms. They run beside it, as each wait for a native call
// costs as much again.
import type { Addon, AddonSampler, SamplerConfig } from "./addon.ts";

export interface SampledToken {
  token: number;
  /** As in a `finish`. */
  odds?: number[];
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
export const LIKELIEST = 64;

export type Likelihoods = ReturnType<typeof createLikelihoods>;

/** `count`: rivals. */
export function createLikelihoods({ context, newSampler }: Pick<Addon, "context" | "newSampler">, count: number) {
  const all = newSampler(NEUTRAL_SAMPLER);
  const kept = Math.max(count, LIKELIEST);
  const likeliest = newSampler(likeliestSampler(kept));

  /** What is known of the logits at an index before a token is. */
  const ask = (index: number) =>
    Promise.all([
      likeliestTokens(context, { index, sampler: likeliest, kept }),
      context.sampleToken(index, all, false, false, false, true),
    ]);

  return {
    /** `sampling`: of the token at `index`, which is as `AddonContext.sampleToken` has it. Settles when no native call runs any more. */
    async with(sampling: Promise<number>, index: number): Promise<SampledToken> {
      const asking = ask(index);
      await Promise.allSettled([sampling, asking]);
      return likelihoodOf(await sampling, index, await asking);
    },
    /** Of a token that is known. Settles as `with`. */
    of: async (token: number, index: number): Promise<SampledToken> => likelihoodOf(token, index, await ask(index)),
    dispose(): void {
      all.dispose();
      likeliest.dispose();
    },
  };

  async function likelihoodOf(
    token: number,
    index: number,
    [top, [, , , , total]]: Awaited<ReturnType<typeof ask>>,
  ): Promise<SampledToken> {
    // The total is a sum of exponents in which the highest logit counts as 0.
    const base = top[0]![1] + Math.log(total!);
    const logit = top.find(([rival]) => rival === token)?.[1] ?? (await logitOf(token, index));
    const rivals = top.slice(0, count).map(([rival, logit]) => [rival, logit - base] as const);
    return { token, likelihood: { logprob: logit - base, top: rivals } };
  }

  async function logitOf(token: number, index: number): Promise<number> {
    const [, , , flat] = await context.sampleToken(index, all, false, false, [[token], false, false, false, 0], false);
    return flat![1]!;
  }
}

/** The config of a sampler that hands out so many of the likeliest tokens. One that keeps no more than it hands out sorts no others. */
export function likeliestSampler(kept: number): SamplerConfig {
  return { ...NEUTRAL_SAMPLER, temperature: 1, topK: kept };
}

/** The likeliest tokens with their logits, in this order; none where a bias bans all. `sampler`: of `likeliestSampler`. */
export async function likeliestTokens(
  context: Addon["context"],
  { index, sampler, kept }: { index: number; sampler: AddonSampler; kept: number },
): Promise<[token: number, logit: number][]> {
  const [, , , flat = []] = await context.sampleToken(index, sampler, false, false, [[], false, false, false, kept], false);
  return Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i]!, flat[2 * i + 1]!]);
}
