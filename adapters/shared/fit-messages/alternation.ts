// User and assistant one after the other, for templates that insist on it.
import type { ChatMessage } from "../../adapter.ts";
import type { TemplateForms } from "../../prompts.ts";
import { joinContents } from "./join-contents.ts";

export function withRolesInOrder(messages: readonly ChatMessage[], forms: TemplateForms): ChatMessage[] {
  const ordered = forms.alternates ? withAlternation(messages) : [...messages];
  const first = ordered.findIndex(({ role }) => role !== "system");
  const begins_late = forms.user_first && isSpeech(ordered[first]) && !isUser(ordered[first]!);
  if (!begins_late && !(forms.user_needed && !ordered.some(isUser))) return ordered;
  return ordered.toSpliced(first < 0 ? ordered.length : first, 0, silent("user"));
}

/**
 * Messages of one role that follow each other become one. Templates that show calls of tools and what they answered do not count these, so
 * a silent message keeps apart what was said before and behind them.
 */
function withAlternation(messages: readonly ChatMessage[]): ChatMessage[] {
  const ordered: ChatMessage[] = [];
  let role: ChatMessage["role"] | undefined;
  for (const message of messages) {
    const last = ordered.at(-1);
    if (!isSpeech(message) || message.role !== role) ordered.push(message);
    else if (last !== undefined && isSpeech(last)) {
      ordered[ordered.length - 1] = { ...last, content: joinContents(last.content, message.content) };
    } else ordered.push(silent(role === "user" ? "assistant" : "user"), message);
    if (isSpeech(message)) role = message.role;
  }
  return ordered;
}

const isUser = ({ role }: ChatMessage): boolean => role === "user";

function isSpeech(message: ChatMessage | undefined): boolean {
  return message?.role === "user" || (message?.role === "assistant" && message.tool_calls === undefined);
}

const silent = (role: "user" | "assistant"): ChatMessage => ({ role, content: "" });
