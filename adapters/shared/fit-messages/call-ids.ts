// Ids of calls for Mistral's templates, which refuse all but nine letters and digits.
import { createHash } from "node:crypto";
import type { ChatMessage } from "../../adapter.ts";

const TAKEN = /^[A-Za-z0-9]{9}$/;

/** A call and its answer keep having the same id, and a conversation has the same ones at each of its turns. */
export function withNineCharacterIds(messages: readonly ChatMessage[]): ChatMessage[] {
  let unanswered: string[] = [];
  return messages.map((message) => {
    const { role, tool_calls, tool_call_id } = message;
    if (tool_calls !== undefined) {
      const calls = tool_calls.map((call) => ({ ...call, id: nineCharacters(call.id) }));
      unanswered = calls.map(({ id }) => id);
      return { ...message, tool_calls: calls };
    }
    if (role !== "tool") return message;
    // An answer without an id is that of the first call without one.
    const id = tool_call_id === undefined ? (unanswered[0] ?? nineCharacters("")) : nineCharacters(tool_call_id);
    unanswered = unanswered.filter((other) => other !== id);
    return { ...message, tool_call_id: id };
  });
}

function nineCharacters(id: string): string {
  return TAKEN.test(id) ? id : createHash("sha256").update(id).digest("hex").slice(0, 9);
}
