// Draws one of few tokens as the native samplers would: top_k, top_p, min_p, then the temperature.
import type { SamplerConfig } from "./addon.ts";

type DrawSettings = Pick<SamplerConfig, "temperature" | "topK" | "topP" | "minP">;

/** `candidates`: at least one token, each with its logit. `random`: from 0 to 1, less than 1. */
export function drawToken(
  candidates: readonly (readonly [number, number])[],
  settings: DrawSettings,
  random: () => number,
): number {
  const { temperature, topK = candidates.length, topP, minP } = settings;
  const ranked = candidates.toSorted(([, a], [, b]) => b - a);
  if (temperature === 0) return ranked[0]![0];
  const likeliest = ranked.slice(0, topK);
  const highest = likeliest[0]![1];
  const nucleus = likeliest.slice(0, nucleusSize(weightsOf(likeliest, 1), topP));
  const kept = nucleus.filter(([, logit], i) => i === 0 || minP === 0 || logit >= highest + Math.log(minP));
  const weights = weightsOf(kept, temperature);
  let left = random() * weights.reduce((sum, weight) => sum + weight);
  const drawn = weights.findIndex((weight) => (left -= weight) < 0);
  return kept.at(drawn)![0];
}

/** How many of the weights, which fall, make up the part `topP` of all. */
function nucleusSize(weights: readonly number[], topP: number): number {
  if (topP >= 1) return weights.length;
  const wanted = topP * weights.reduce((sum, weight) => sum + weight);
  let sum = 0;
  const last = weights.findIndex((weight) => (sum += weight) >= wanted);
  return last === -1 ? weights.length : last + 1;
}

function weightsOf(ranked: readonly (readonly [number, number])[], temperature: number): number[] {
  const highest = ranked[0]![1];
  return ranked.map(([, logit]) => Math.exp((logit - highest) / temperature));
}

/** Mulberry32: numbers that the seed determines. */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
