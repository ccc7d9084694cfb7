// What clients read where a prompt cannot be made of their request.
import { AdapterError } from "../adapter.ts";
import type { TokenLimits } from "./protocol.ts";

export const REMEDY = `Give the model's record a "prompt_template" in its settings.`;

export function messagesRefused(reason: string): AdapterError {
  return new AdapterError("messages_refused", `The model's chat template refuses these messages: ${reason.slice(0, 200)}`);
}

/** `least`: the tokens of the prompt, as far as they are known. */
export function tooLong(least: number, { tokens }: Pick<TokenLimits, "tokens">): AdapterError {
  const message = `The prompt has ${least} tokens or more, the context holds ${tokens} with the answer. Shorten it.`;
  return new AdapterError("context_length_exceeded", message);
}

export function grammarRefused(reason: string): AdapterError {
  return new AdapterError("request_refused", `The grammar cannot be used: ${reason}.`, { param: "grammar" });
}
