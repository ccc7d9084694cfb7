// Whether the answer goes on with the last message of the conversation, or is a message of its own.
import type { ChatMessage } from "../../../adapters/adapter.ts";
import { invalidValue } from "../../http/errors.ts";

interface ContinuationFields {
  messages: ChatMessage[];
  continue_final_message?: boolean | null | undefined;
  add_generation_prompt?: boolean | null | undefined;
}

/** Undefined where the request does not say. Throws 400 where what it says cannot be. */
export function readContinuation({
  messages,
  continue_final_message,
  add_generation_prompt,
}: ContinuationFields): boolean | undefined {
  const said = continue_final_message ?? undefined;
  const opens = add_generation_prompt ?? undefined;
  // An answer begins behind a generation prompt, or amid the last message.
  if (said !== undefined && said === opens) {
    const both = `"continue_final_message" and "add_generation_prompt" are both ${said}. Send one of them.`;
    throw invalidValue(both, "continue_final_message");
  }
  const goes_on = said ?? (opens === undefined ? undefined : !opens);
  const last = messages.at(-1)!;
  if (last.role === "assistant" && last.tool_calls === undefined) return goes_on;
  if (!goes_on) return undefined;
  const [field, value] = said === undefined ? ["add_generation_prompt", false] : ["continue_final_message", true];
  const what = last.role === "assistant" ? "calls tools" : `is of the role "${last.role}"`;
  const message =
    `"${field}": ${value} goes on with the last message, and messages[${messages.length - 1}] ${what}. ` +
    "Let the last one be an assistant's text, or leave the field out.";
  throw invalidValue(message, field);
}
