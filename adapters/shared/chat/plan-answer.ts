// Finds what an answer is generated under: where its thoughts are.
import type { ChatRequest } from "../../adapter.ts";
import type { TemplateFacts } from "../../prompts.ts";
import { thoughtPlace, thoughtTokens } from "../reasoning/thought-place.ts";
import type { AnswerPlan } from "./answer-plan.ts";

/** `tail`: that of the prompt. */
export function planAnswer(request: ChatRequest, { thoughts: markers }: TemplateFacts, tail: string): AnswerPlan {
  const { stop, reasoning_budget: budget } = request;
  const thoughts = markers && { markers, place: thoughtPlace(request, tail, markers), budget };
  return { stop, thoughts, shown_tokens: markers === undefined ? [] : thoughtTokens(markers) };
}
