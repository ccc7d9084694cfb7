// A conversation by its beginnings: where two go apart can be told without their tokens, and without their words.
import { createHash } from "node:crypto";
import type { ChatMessage, ChatRequest } from "../adapter.ts";
import { commonPrefixLength } from "../shared/kv-cache/retention.ts";

export interface Talk {
  /** A mark for the first block, for the first two, and so on: two that are alike stand for the same beginning. */
  marks: string[];
  /** Characters up to the end of each. */
  ends: number[];
}

/** Characters: some 64 tokens, which is as near as a guess need be. A message begins a block, so that where it ends is a mark too. */
const BLOCK = 256;

export function talkOf({ messages, tools, tool_choice }: ChatRequest): Talk {
  const talk: Talk = { marks: [], ends: [] };
  let mark = "";
  let end = 0;
  // Templates put the tools in front.
  const shown = tools === undefined || tool_choice === "none" ? [] : [JSON.stringify([tools, tool_choice])];
  for (const text of [...shown, ...messages.map(textOf)]) {
    for (let at = 0; at < text.length; at += BLOCK) {
      const block = text.slice(at, at + BLOCK);
      talk.marks.push((mark = markOf(mark + block)));
      talk.ends.push((end += block.length));
    }
  }
  return talk;
}

/** Characters that two begin with alike; a little less where they go apart within a block. */
export function alike(one: Talk, other: Talk): number {
  return one.ends[commonPrefixLength(one.marks, other.marks) - 1] ?? 0;
}

/** In characters. */
export function lengthOf({ ends }: Talk): number {
  return ends.at(-1) ?? 0;
}

/** Whether `later` is the same conversation, as far as `earlier` goes. */
export function goesOn(later: Talk, earlier: Talk): boolean {
  return commonPrefixLength(later.marks, earlier.marks) === earlier.marks.length;
}

export function hasImages({ messages }: ChatRequest): boolean {
  return messages.some(({ content }) => typeof content !== "string" && content.some(({ type }) => type === "image_url"));
}

/** An image can be larger than all the words: its sum stands for it. */
function textOf(message: ChatMessage): string {
  const { content } = message;
  if (typeof content === "string") return JSON.stringify(message);
  const parts = content.map((part) => (part.type === "image_url" ? markOf(part.image_url.url) : part));
  return JSON.stringify({ ...message, content: parts });
}

function markOf(text: string): string {
  return createHash("sha256").update(text).digest("base64url").slice(0, 22);
}
