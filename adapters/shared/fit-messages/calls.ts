// Calls of tools in a conversation, for templates that know none, or one at a time: they would drop the others, or refuse the conversation.
import type { ChatMessage } from "../../adapter.ts";
import { joinContents } from "./join-contents.ts";

/** The same conversation without calls: an assistant's are lines of its text, and a tool's answer is a user's text. */
export function withPlainCalls(messages: readonly ChatMessage[]): ChatMessage[] {
  const plain: ChatMessage[] = [];
  let after_answer = false;
  for (const message of messages) {
    const { role, content: said, tool_calls, tool_call_id: _, ...rest } = message;
    const calls = (tool_calls ?? []).map(({ function: { name, arguments: written } }) => `${name}(${written})`);
    const content = joinContents(said, calls.join("\n"));
    const known = role === "tool" ? "user" : role;
    const last = plain.at(-1);
    // Many templates want the roles in turns.
    if (after_answer && known === "user" && last !== undefined) last.content = joinContents(last.content, content);
    else plain.push({ ...rest, role: known, content });
    after_answer = role === "tool" || (after_answer && known === "user");
  }
  return plain;
}

/** Calls that were made at once, one after the other, each before its answer. */
export function withSingleCalls(messages: readonly ChatMessage[]): ChatMessage[] {
  const single: ChatMessage[] = [];
  for (let at = 0; at < messages.length; at++) {
    const { tool_calls = [], ...message } = messages[at]!;
    if (tool_calls.length < 2) {
      single.push(messages[at]!);
      continue;
    }
    const after = messages.findIndex(({ role }, index) => index > at && role !== "tool");
    const answers = messages.slice(at + 1, after < 0 ? messages.length : after);
    const answersOf = tool_calls.map(({ id }) => answers.filter(({ tool_call_id }) => tool_call_id === id));
    const strays = answers.filter((answer) => !answersOf.some((own) => own.includes(answer)));
    for (const [index, call] of tool_calls.entries()) {
      const own = [...answersOf[index]!, ...(answersOf[index]!.length === 0 ? strays.splice(0, 1) : [])];
      single.push({ ...message, content: index === 0 ? message.content : "", tool_calls: [call] }, ...own);
    }
    single.push(...strays);
    at += answers.length;
  }
  return single;
}
