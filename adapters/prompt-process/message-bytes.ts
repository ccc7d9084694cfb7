// How long the messages of a request are, before anything is done with them.
import type { PromptRequest } from "../prompts.ts";
import { textOf } from "../shared/message-text.ts";

/** Bytes of all texts in the messages that every template writes: the thoughts of earlier answers are left out by most. */
export function messageBytes({ messages }: PromptRequest): number {
  let bytes = 0;
  for (const { content, tool_calls = [] } of messages) {
    bytes += Buffer.byteLength(textOf(content));
    for (const { function: called } of tool_calls) bytes += Buffer.byteLength(called.name) + Buffer.byteLength(called.arguments);
  }
  return bytes;
}
