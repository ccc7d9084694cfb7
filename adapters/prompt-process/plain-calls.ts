// Calls of tools in a conversation, as plain text, for templates that know none: they would drop them, or refuse the conversation.
import type { ChatMessage } from "../adapter.ts";

/** A message whose content is text alone. */
export type TextMessage = ChatMessage & { content: string };

/** The same conversation without calls: an assistant's are lines of its text, and a tool's answer is a user's text. */
export function withPlainCalls(messages: TextMessage[]): TextMessage[] {
  const plain: TextMessage[] = [];
  let after_answer = false;
  for (const message of messages) {
    const { role, content, tool_calls, tool_call_id: _, ...rest } = message;
    const calls = (tool_calls ?? []).map(({ function: { name, arguments: written } }) => `${name}(${written})`);
    const text = [...(content === "" && calls.length > 0 ? [] : [content]), ...calls].join("\n");
    const known = role === "tool" ? "user" : role;
    const last = plain.at(-1);
    // Many templates want the roles in turns.
    if (after_answer && known === "user" && last !== undefined) last.content += `\n${text}`;
    else plain.push({ ...rest, role: known, content: text });
    after_answer = role === "tool" || (after_answer && known === "user");
  }
  return plain;
}
