// How long a model may think: every API has its own name for that, and efforts have bounds of their own.
import * as v from "valibot";
import { invalidValue } from "../../http/errors.ts";

/** How much a model is to think, in the words of all APIs. */
export const Effort = v.picklist(["none", "minimal", "low", "medium", "high", "xhigh", "max", "default", "auto"]);
export type Effort = v.InferOutput<typeof Effort>;

/** Tokens of thoughts at most: -1 for no limit, 0 for no thoughts. */
export const Budget = v.pipe(v.number(), v.integer(), v.minValue(-1));

/** Names of a budget of thoughts. */
export const BUDGETS = [
  "reasoning_budget",
  "reasoning_budget_tokens",
  "thinking_budget_tokens",
  "thinking_token_budget",
  "thinking_budget",
] as const;

/** The fields of a request in which a budget may be. */
type BudgetFields = { [name in (typeof BUDGETS)[number]]?: number | null | undefined } & {
  thinking?: { type: string; budget_tokens?: number | null | undefined } | null | undefined;
  reasoning?: { max_tokens?: number | null | undefined } | null | undefined;
};

/** Each budget that is set, by the path of its field. */
export function budgetsOf({ thinking, reasoning, ...fields }: BudgetFields): [field: string, budget: number][] {
  const budgets: [string, number | null | undefined][] = [
    ...BUDGETS.map((name): [string, number | null | undefined] => [name, fields[name]]),
    ["thinking.budget_tokens", thinking?.type === "disabled" ? undefined : thinking?.budget_tokens],
    ["reasoning.max_tokens", reasoning?.max_tokens],
  ];
  return budgets.filter((named): named is [string, number] => named[1] != null && named[1] !== -1);
}

/** Throws 400 where two of the budgets differ. */
export function agreedBudget(budgets: [field: string, budget: number][]): number | undefined {
  const [first] = budgets;
  const other = budgets.find(([, budget]) => budget !== first![1]);
  if (other === undefined) return first?.[1];
  throw invalidValue(`"${other[0]}" and "${first![0]}" say different things. Send one of them.`, other[0]);
}

/** OpenRouter's shares of the answer's tokens, so that some are left for its text, and about Gemini's bounds. */
const EFFORTS: Partial<Record<Effort, { share: number; most: number }>> = {
  minimal: { share: 0.1, most: 512 },
  low: { share: 0.2, most: 1_024 },
  medium: { share: 0.5, most: 8_192 },
  high: { share: 0.8, most: 24_576 },
};

/** `max_tokens`: of the whole answer. Undefined where the effort has no bound. */
export function budgetOf(effort: Effort, max_tokens: number): number | undefined {
  const bound = EFFORTS[effort];
  return bound && Math.max(1, Math.min(bound.most, Math.floor(bound.share * max_tokens)));
}
