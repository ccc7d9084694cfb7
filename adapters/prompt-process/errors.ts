// What clients read where a prompt cannot be made of their request.
import { AdapterError } from "../adapter.ts";
import { contextExceeded } from "../shared/context-exceeded.ts";
import type { TokenLimits } from "./protocol.ts";

export const REMEDY = `Give the model's record a "prompt_template" in its settings.`;

export function messagesRefused(reason: string): AdapterError {
  return new AdapterError("messages_refused", `The model's chat template refuses these messages: ${reason.slice(0, 200)}`);
}

/** `count`: the tokens of the prompt, or a number below it where they were not all counted. */
export function tooLong(count: number, { tokens }: Pick<TokenLimits, "tokens">, counted: "all" | "some"): AdapterError {
  return contextExceeded({ n_prompt_tokens: count, n_ctx: tokens }, counted);
}

export function grammarRefused(reason: string): AdapterError {
  return new AdapterError("request_refused", `The grammar cannot be used: ${reason}.`, { param: "grammar" });
}

/** What the answer goes on with cannot be read as a beginning of what its grammar permits. */
export function beginningRefused(reason: string): AdapterError {
  const message = `The answer cannot go on with the last message: to follow the grammar through it ${reason}.`;
  return new AdapterError("request_refused", `${message} Send "continue_final_message": false to have a new answer.`, {
    param: "messages",
  });
}
