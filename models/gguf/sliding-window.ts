// The layers of a model that look back over a window alone, whose caches hold little more than that.

/**
 * The last one of so many layers sees the whole context, by the architecture: where the file does not say it, llama.cpp knows it
 * (`load_swa_pattern` in https://github.com/ggml-org/llama.cpp/tree/master/src/models). An architecture that is not here is taken to have no
 * window: too much is estimated then, never too little.
 */
const PERIODS: Record<string, number> = { gemma2: 2, gemma3: 6, gemma3n: 5, "gpt-oss": 2, cohere2: 4, olmo2: 4 };

/** Which layers have the window; undefined where none is known to. `pattern`: as the file has it, a period or a number for each layer. */
export function windowedLayers(
  architecture: string,
  block_count: number,
  pattern: number | number[] | undefined,
): boolean[] | undefined {
  if (Array.isArray(pattern)) return pattern.length < block_count ? undefined : pattern.slice(0, block_count).map(Boolean);
  const known = Object.hasOwn(PERIODS, architecture) ? PERIODS[architecture] : undefined;
  const period = known === undefined ? 0 : (pattern ?? known);
  if (!Number.isSafeInteger(period) || period < 1) return undefined;
  return Array.from({ length: block_count }, (_, layer) => layer % period < period - 1);
}
