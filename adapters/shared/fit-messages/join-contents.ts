// Two messages as one.
import type { ChatMessage, ContentPart } from "../../adapter.ts";

type Content = ChatMessage["content"];

/** The second begins a line, as llama.cpp has it where it joins texts; an empty one adds nothing. */
export function joinContents(one: Content, other: Content): Content {
  if (one.length === 0 || other.length === 0) return one.length === 0 ? other : one;
  if (typeof one === "string" && typeof other === "string") return `${one}\n${other}`;
  return [...partsOf(one), ...partsOf(other)];
}

function partsOf(content: Content): ContentPart[] {
  return typeof content === "string" ? [{ type: "text", text: content }] : content;
}
