// Remembers which server answered a conversation last: that one still holds what it has read, and need not read it again.
import { LRUCache } from "lru-cache";
import type { ChatMessage } from "../adapter.ts";
import { digestOf, fingerprintOf } from "../shared/conversation-fingerprint.ts";

export type Affinity = ReturnType<typeof createAffinity>;

/** The digests by which a conversation gets to its server. */
export interface RoutedConversation {
  /** `ConversationFingerprint.prefixes` of the messages; none where nothing is remembered. */
  prefixes: readonly string[];
  /** The prefix that ends with the user's first message: the same for every request of the conversation, and on every node. */
  start: string;
}

const MAX_CONVERSATIONS = 10_000;

export function createAffinity() {
  const urls = new LRUCache<string, string>({ max: MAX_CONVERSATIONS });
  return {
    /** The URL of the server that has answered the longest beginning of this conversation. */
    find({ prefixes }: RoutedConversation): string | undefined {
      const known = prefixes.findLast((prefix) => urls.has(prefix));
      return known === undefined ? undefined : urls.get(known);
    },
    remember({ prefixes }: RoutedConversation, url: string): void {
      const whole = prefixes.at(-1);
      if (whole !== undefined) urls.set(whole, url);
    },
  };
}

/** Tools do not count: a conversation stays where it is when they change. Nor do keys: ingle does not decide what another server reuses. */
export function routedConversation(messages: ChatMessage[]): RoutedConversation {
  const first = messages.findIndex(({ role }) => role === "user");
  const start = fingerprintOf({ messages: messages.slice(0, Math.max(first, 0) + 1), cache_scope: "" });
  return { prefixes: fingerprintOf({ messages, cache_scope: "" }).prefixes.slice(1), start: start.prefixes.at(-1)! };
}

/** A prompt that was sent before goes where it went then. */
export function routedPrompt(prompt: string | readonly number[]): RoutedConversation {
  return routedConversation([{ role: "user", content: typeof prompt === "string" ? prompt : prompt.join(" ") }]);
}

/** Texts of which nothing is kept go anywhere. */
export function routedTexts([first = ""]: readonly (string | readonly number[])[]): RoutedConversation {
  return { prefixes: [], start: digestOf(typeof first === "string" ? first : first.join(" ")) };
}

/** Where a new conversation goes when all servers are equally busy: by rendezvous hashing, so that nodes agree without talking. */
export function preferredServer<T extends { url: string }>(servers: T[], { start }: RoutedConversation): T | undefined {
  const scored = servers.map((server) => ({ server, score: digestOf(start + server.url) }));
  return scored.toSorted((a, b) => (a.score < b.score ? -1 : 1))[0]?.server;
}
