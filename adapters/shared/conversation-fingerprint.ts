// Compares conversations by digests of their beginnings: no tokens are needed, and no words are stored.
import { createHash } from "node:crypto";
import type { ChatMessage, ChatRequest } from "../adapter.ts";
import { commonPrefixLength } from "./kv-cache/retention.ts";

export interface ConversationFingerprint {
  /**
   * Digests of the scope, of it and the first block, of it and the first two, and so on: equal digests stand for equal beginnings, and
   * conversations of two scopes have none in common.
   */
  prefixes: string[];
  /** Where each prefix ends, in characters. */
  ends: number[];
}

/** In characters, about 64 tokens. Each message begins a block, so that its end is the end of a prefix too. */
const BLOCK = 256;

type Conversation = Pick<ChatRequest, "messages" | "tools" | "tool_choice" | "cache_scope">;

export function fingerprintOf({ messages, tools, tool_choice, cache_scope }: Conversation): ConversationFingerprint {
  let prefix = digestOf(cache_scope);
  let end = 0;
  const fingerprint: ConversationFingerprint = { prefixes: [prefix], ends: [end] };
  // Chat templates put the tools in front.
  const rendered_tools = tools === undefined || tool_choice === "none" ? [] : [JSON.stringify([tools, tool_choice])];
  for (const text of [...rendered_tools, ...messages.map(serializeMessage)]) {
    for (let at = 0; at < text.length; at += BLOCK) {
      const block = text.slice(at, at + BLOCK);
      fingerprint.prefixes.push((prefix = digestOf(prefix + block)));
      fingerprint.ends.push((end += block.length));
    }
  }
  return fingerprint;
}

/** The characters that both begin with, rounded down to whole blocks; 0 where there is only one conversation. */
export function sharedPrefixLength(one: ConversationFingerprint | undefined, other: ConversationFingerprint): number {
  return one?.ends[commonPrefixLength(one.prefixes, other.prefixes) - 1] ?? 0;
}

/** In characters. */
export function conversationLength(fingerprint: ConversationFingerprint | undefined): number {
  return fingerprint?.ends.at(-1) ?? 0;
}

/** A digest stands for the bytes of an image, which may be many times the text. */
function serializeMessage(message: ChatMessage): string {
  const { content } = message;
  if (typeof content === "string") return JSON.stringify(message);
  const parts = content.map((part) => (part.type === "image_url" ? digestOf(part.image_url.url) : part));
  return JSON.stringify({ ...message, content: parts });
}

export function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("base64url").slice(0, 22);
}
