// How likely some tokens are behind a prompt. llama-server reports the likeliest tokens alone, by their probabilities among all: equal biases
// put those that are compared before all others, and the sampler that keeps so many leaves them among themselves.
import { AdapterError } from "../adapter.ts";
import { oddsOf } from "../shared/token-odds.ts";
import type { TokenProbability } from "./completion-frames.ts";

/** More than any two logits of a model lie apart, and so little that the sums keep four digits behind the point. */
const BIAS = 200;

/** Fields of the body of `POST /completion`. */
export function comparisonFields(tokens: readonly number[]): Record<string, unknown> {
  return {
    ...{ logit_bias: tokens.map((token) => [token, BIAS]), samplers: ["top_k"], top_k: tokens.length, temperature: 1 },
    ...{ n_probs: tokens.length, post_sampling_probs: true },
  };
}

/** As `TokenEvent` has them. Undefined where the report is of other tokens too; one that is not in it has no probability that can be told from 0. */
export function reportedOdds(tokens: readonly number[], report: readonly TokenProbability[]): number[] | undefined {
  if (report.some(({ id }) => !tokens.includes(id))) return undefined;
  const probabilities = tokens.map((token) => report.find(({ id }) => id === token)?.prob ?? 0);
  const total = probabilities.reduce((sum, probability) => sum + probability);
  return probabilities.map((probability) => probability / total);
}

/** `rank`: the likeliest tokens behind the prompt, so many of them; undefined where they cannot be had. Throws `AdapterError`. */
export async function rankedOdds(
  tokens: readonly number[],
  rank: (count: number) => Promise<{ id: number; logprob: number }[] | undefined>,
  { vocab_size }: { vocab_size: number },
): Promise<number[]> {
  const logprobs = new Map((await rank(vocab_size))?.map(({ id, logprob }) => [id, logprob]));
  if (tokens.some((token) => !logprobs.has(token)))
    throw new AdapterError("generation_failed", "llama-server does not say how likely each token is.");
  return oddsOf(tokens.map((token) => logprobs.get(token)!));
}
