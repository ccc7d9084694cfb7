// The content of a message, for adapters that read text alone.
import type { ChatMessage } from "../adapter.ts";

/** The texts of its parts, a line each: images are never asked of who cannot see them. */
export function textOf(content: ChatMessage["content"]): string {
  if (typeof content === "string") return content;
  return content.flatMap((part) => (part.type === "text" ? part.text : [])).join("\n");
}
