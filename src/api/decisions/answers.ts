// The answers to questions on the wire, made of how likely the model finds each of the texts.
import type { Usage } from "../../../adapters/adapter.ts";
import type { Question } from "./questions.ts";

/** `probabilities`: in the order of `weighedQuestion`; their sum is 1. */
export function answerOf(question: Question, probabilities: readonly number[]): object {
  const name = question.name ?? null;
  const [likeliest, confidence] = probabilities.reduce(
    ([best, highest], probability, index) => (probability > highest ? [index, probability] : [best, highest]),
    [0, probabilities[0]!],
  );
  if (question.type === "predicate") return { type: "predicate", name, probability: probabilities[0] };
  if (question.type === "choice") {
    const each = question.choices.map(({ value }, index) => ({ value, probability: probabilities[index]! }));
    return { type: "choice", name, choice: each[likeliest]!.value, confidence, probabilities: each };
  }
  const each = question.levels.map(({ label }, value) => ({ label, value, probability: probabilities[value]! }));
  const score = each.reduce((sum, { value, probability }) => sum + value * probability, 0);
  return { type: "score", name, score, confidence, probabilities: each };
}

export function wireUsage({ prompt_tokens, cached_tokens }: Usage): object {
  return {
    input_tokens: prompt_tokens,
    input_tokens_details: { cached_tokens, cache_write_tokens: 0 },
    output_tokens: 0,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: prompt_tokens,
  };
}
