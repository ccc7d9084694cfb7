// Whether an answer goes on with the last message of its request, as clients that begin it themselves expect.
import type { ChatMessage, ChatRequest } from "../adapter.ts";

/** The message that the answer goes on with; a message with calls of tools is none. */
export function continuedMessage({
  messages,
  continue_final_message,
}: Pick<ChatRequest, "messages" | "continue_final_message">): ChatMessage | undefined {
  const last = messages.at(-1);
  const can_go_on = last?.role === "assistant" && last.tool_calls === undefined;
  return can_go_on && continue_final_message !== false ? last : undefined;
}
