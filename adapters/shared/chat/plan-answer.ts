// Finds what an answer is generated under: where its thoughts are, which tools it may call, and what its text has to be.
import type { ChatRequest } from "../../adapter.ts";
import type { ModelPrompts, TemplateFacts } from "../../prompts.ts";
import { checkGrammar } from "../grammar-limits/check-grammar.ts";
import { thoughtPlace, thoughtTokens } from "../reasoning/thought-place.ts";
import type { AnswerPlan } from "./answer-plan.ts";
import { textConstraint } from "./text-constraint.ts";

/** `tail`: that of the prompt. Throws `AdapterError` `unsupported_schema`. */
export function planAnswer(request: ChatRequest, { thoughts: markers }: TemplateFacts, tail: string): AnswerPlan {
  const { stop, reasoning_budget: budget } = request;
  const thoughts = markers && { markers, place: thoughtPlace(request, tail, markers), budget };
  const constraint = textConstraint(request);
  const grammar = constraint === undefined ? request.grammar : `root ::= ${constraint.root}\n${constraint.rules}`;
  return {
    ...{ stop, thoughts, grammar },
    shown_tokens: markers === undefined ? [] : thoughtTokens(markers),
    failure: constraint?.failure,
  };
}

/** A client's grammar is a stranger's program, too. Throws `AdapterError` `request_refused`. */
export async function tryGrammar({ grammar }: ChatRequest, prompts: ModelPrompts, signal: AbortSignal): Promise<void> {
  if (grammar === undefined) return;
  checkGrammar(grammar, prompts.vocab_size);
  await prompts.tryGrammar(grammar, signal);
}
