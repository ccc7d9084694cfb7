// Where a conversation was last answered: that server still holds what it has read of it, and need not read it again.
import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { ChatMessage } from "../adapter.ts";

export interface Affinity {
  /** Who had the longest beginning of this conversation. */
  find(talk: Talk): string | undefined;
  /** It was answered there. */
  remember(talk: Talk, url: string): void;
}

/** A conversation by its beginnings. */
export interface Talk {
  /** A mark for the first message, for the first two, and so on. */
  beginnings: string[];
  /** Up to and with what the user said first: the same at every turn, and on every node. */
  start: string;
}

const MOST_TALKS = 10_000;

export function createAffinity(): Affinity {
  const places = new LRUCache<string, string>({ max: MOST_TALKS });
  return {
    find({ beginnings }) {
      const known = beginnings.findLast((mark) => places.has(mark));
      return known === undefined ? undefined : places.get(known);
    },
    remember({ beginnings }, url) {
      places.set(beginnings.at(-1)!, url);
    },
  };
}

export function talkOf(messages: ChatMessage[]): Talk {
  const beginnings: string[] = [];
  for (const message of messages) beginnings.push(markOf((beginnings.at(-1) ?? "") + JSON.stringify(message)));
  const first = messages.findIndex(({ role }) => role === "user");
  return { beginnings, start: beginnings[Math.max(0, first)]! };
}

/** Where a conversation goes first when all are equally busy: the same server on every node, without a word between them. */
export function preferred<T extends { url: string }>(servers: T[], { start }: Talk): T | undefined {
  const scored = servers.map((server) => ({ server, score: markOf(start + server.url) }));
  return scored.toSorted((a, b) => (a.score < b.score ? -1 : 1))[0]?.server;
}

function markOf(text: string): string {
  return createHash("sha256").update(text).digest("base64url").slice(0, 22);
}
