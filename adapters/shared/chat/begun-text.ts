// An answer that goes on with the last message of its request: what that says has to be the beginning of what the grammar permits.
import { AdapterError, type ChatRequest } from "../../adapter.ts";
import type { ModelPrompts } from "../../prompts.ts";
import { continuedMessage } from "../continued-message.ts";
import { textOf } from "../message-text.ts";
import { isThinking } from "../reasoning/thought-place.ts";
import type { AnswerPlan } from "./answer-plan.ts";
import type { TextTokenizer } from "./tokenizer.ts";

/** The plan with what is begun. A client's own grammar is for what is generated. Throws `AdapterError` `request_refused`. */
export async function withBegunText(
  plan: AnswerPlan,
  request: ChatRequest,
  { prompts, tokenizer, signal }: { prompts: ModelPrompts; tokenizer: TextTokenizer; signal: AbortSignal },
): Promise<AnswerPlan> {
  const text = begunText(plan, request);
  if (plan.grammar === undefined || request.grammar !== undefined || text === "") return plan;
  const tokens = await tokenizer.goOn(text, signal);
  if (await prompts.beginsGrammar(plan.grammar, tokens, signal)) return { ...plan, begun: { text, tokens } };
  const message =
    `The answer goes on with "messages[${request.messages.length - 1}]", which is no beginning of what "response_format" permits. ` +
    'Send "continue_final_message": false to have a new answer, or leave "response_format" out.';
  throw new AdapterError("request_refused", message, { param: "messages" });
}

/** Without thoughts that stand in it. */
function begunText({ thoughts }: AnswerPlan, request: ChatRequest): string {
  const continued = continuedMessage(request);
  if (continued === undefined || (thoughts && isThinking(thoughts.place))) return "";
  const text = textOf(continued.content);
  const end = thoughts && text.trimStart().startsWith(thoughts.markers.begin) ? text.indexOf(thoughts.markers.end) : -1;
  return end < 0 ? text : text.slice(end + thoughts!.markers.end.length).trimStart();
}
