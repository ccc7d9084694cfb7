// Finds what an answer is generated under: where its thoughts are, which tools it may call, and what its text has to be.
import type { ChatRequest } from "../../adapter.ts";
import type { CompletionRequest } from "../../completion.ts";
import type { ModelPrompts, TemplateFacts } from "../../prompts.ts";
import { checkGrammar } from "../grammar-limits/check-grammar.ts";
import { thoughtPlace, thoughtTokens } from "../reasoning/thought-place.ts";
import { callGrammar } from "../tool-calls/call-grammar.ts";
import { PROMPTED_SYNTAX } from "../tool-calls/prompted-syntax.ts";
import type { AnswerPlan, CallsPlan } from "./answer-plan.ts";
import { textConstraint, type TextConstraint } from "./text-constraint.ts";

/** `tail`: that of the prompt. Throws `AdapterError` `unsupported_schema`. */
export function planAnswer(request: ChatRequest, template: TemplateFacts, tail: string): AnswerPlan {
  const { stop, reasoning_budget: budget } = request;
  const { thoughts: markers } = template;
  const thoughts = markers && { markers, place: thoughtPlace(request, tail, markers), budget };
  const calls = planCalls(request, template);
  const constraint = textConstraint(request);
  return {
    ...{ stop, thoughts, calls, grammar: textGrammar(constraint, request, calls) },
    shown_tokens: [...(markers ? thoughtTokens(markers) : []), ...(calls?.syntax.special_tokens ?? [])],
    failure: constraint?.failure,
  };
}

/** The plan of a text in which nothing is looked for. Throws `AdapterError` `unsupported_schema`. */
export function planText(request: Pick<CompletionRequest, "stop" | "response_format" | "grammar">): AnswerPlan {
  const constraint = textConstraint(request);
  const grammar = textGrammar(constraint, request, undefined);
  return { stop: request.stop, shown_tokens: [], grammar, failure: constraint?.failure };
}

function planCalls(
  { tools, tool_choice, parallel_tool_calls }: ChatRequest,
  { calls: syntax = PROMPTED_SYNTAX }: TemplateFacts,
): CallsPlan | undefined {
  if (tools === undefined || tool_choice === "none") return undefined;
  // A model that was not made for tools repeats a call for as long as it may.
  const options = { tool_choice, parallel_tool_calls: parallel_tool_calls ?? syntax !== PROMPTED_SYNTAX };
  return {
    ...{ syntax, tools },
    forced: tool_choice === "required" || typeof tool_choice === "object",
    grammarBehind(behind) {
      const { rules, root } = callGrammar(syntax, tools, { ...options, behind });
      return `root ::= ${root}\n${rules}`;
    },
  };
}

/** Undefined where the text is free. */
function textGrammar(
  constraint: TextConstraint | undefined,
  { grammar }: Pick<ChatRequest, "grammar">,
  calls: CallsPlan | undefined,
): string | undefined {
  if (constraint === undefined) return grammar;
  const text = `${constraint.root}\n${constraint.rules}`;
  if (calls === undefined) return `root ::= ${text}`;
  // The model says what was asked for, or calls tools.
  return `root ::= calls | ${text}\n${calls.grammarBehind("").replace(/^root/, "calls")}`;
}

/** A client's grammar is a stranger's program, too. Throws `AdapterError` `request_refused`. */
export async function tryGrammar(
  { grammar }: Pick<ChatRequest, "grammar">,
  prompts: ModelPrompts,
  signal: AbortSignal,
): Promise<void> {
  if (grammar === undefined) return;
  checkGrammar(grammar, prompts.vocab_size);
  await prompts.tryGrammar(grammar, signal);
}
