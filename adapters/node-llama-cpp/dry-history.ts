// DRY in the middle of an answer: the native sampler takes no history for it, and sees what it has drawn itself.
import type { Addon, AddonSampler, SamplerConfig } from "./addon.ts";

/**
 * A sampler that has seen these tokens: each is drawn, at a bias that leaves no other. `index`: of logits, which do not matter here. `config`
 * may have a grammar, which has not.
 */
export async function samplerAfter(
  { context, newSampler }: Addon,
  config: SamplerConfig,
  history: readonly number[],
  index: number,
): Promise<AddonSampler> {
  if (history.length === 0) return newSampler(config);
  const only = dryAlone(config);
  const forced = (token: number): SamplerConfig => ({
    ...only,
    tokenBiasKeys: Uint32Array.of(token),
    tokenBiasValues: Float32Array.of(Number.POSITIVE_INFINITY),
  });
  const sampler = newSampler(only);
  for (const token of history) {
    sampler.applyConfig(forced(token));
    await context.sampleToken(index, sampler);
  }
  sampler.applyConfig(config);
  return sampler;
}

/** Settings that are another sampler's make that one anew; those of DRY stay, and with them what it has seen. */
function dryAlone(config: SamplerConfig): SamplerConfig {
  const { xtcProbability: _1, xtcThreshold: _2, tokenBiasKeys: _3, tokenBiasValues: _4, topK: _5, ...rest } = config;
  const { grammarEvaluationState: _6, ...settings } = rest;
  const penalties = { repeatPenalty: 1, repeatPenaltyFrequencyPenalty: 0, repeatPenaltyPresencePenalty: 0 };
  return { ...settings, ...penalties, temperature: 0, topP: 1, minP: 0 };
}
