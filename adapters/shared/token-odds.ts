// Logits of some tokens as probabilities among these tokens.

/** At least one finite logit. The sum is 1. */
export function oddsOf(logits: readonly number[]): number[] {
  const highest = Math.max(...logits);
  const exponents = logits.map((logit) => Math.exp(logit - highest));
  const total = exponents.reduce((sum, exponent) => sum + exponent);
  return exponents.map((exponent) => exponent / total);
}
