// Messages of the role `system`, as far as a template takes them: the others become a user's, whose text is never dropped.
import type { ChatMessage } from "../../adapter.ts";
import type { TemplateForms } from "../../prompts.ts";
import { joinContents } from "./join-contents.ts";

export function withSystemAllowed(messages: readonly ChatMessage[], allowed: TemplateForms["system"]): ChatMessage[] {
  const count = messages.filter(isSystem).length;
  if (count === 0 || allowed === "any" || (allowed === "one" && count === 1)) return [...messages];
  const turns = messages.findIndex((message) => !isSystem(message));
  const [leading, others] = turns < 0 ? [messages, []] : [messages.slice(0, turns), messages.slice(turns)];
  if (leading.length === 0 || allowed === "none") return asUser(messages);
  const content = leading.map((message) => message.content).reduce(joinContents);
  return [{ ...leading[0]!, content }, ...asUser(others)];
}

/** In front of the text of the user who speaks next, else a message of its own. */
function asUser(messages: readonly ChatMessage[]): ChatMessage[] {
  const fitting: ChatMessage[] = [];
  let pending: ChatMessage | undefined;
  for (const message of messages) {
    if (isSystem(message)) {
      pending = { ...message, role: "user", content: joinContents(pending?.content ?? "", message.content) };
      continue;
    }
    if (message.role === "user") fitting.push({ ...message, content: joinContents(pending?.content ?? "", message.content) });
    else fitting.push(...(pending === undefined ? [] : [pending]), message);
    pending = undefined;
  }
  return pending === undefined ? fitting : [...fitting, pending];
}

const isSystem = ({ role }: ChatMessage): boolean => role === "system";
