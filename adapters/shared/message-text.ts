// The text of a message, for adapters that read text alone.
import type { ChatMessage } from "../adapter.ts";

/** The texts of the parts, a line each. No image gets here: only adapters with the capability `images` are sent some. */
export function textOf(content: ChatMessage["content"]): string {
  if (typeof content === "string") return content;
  return content.flatMap((part) => (part.type === "text" ? part.text : [])).join("\n");
}

export function hasImages({ messages }: { messages: readonly Pick<ChatMessage, "content">[] }): boolean {
  return messages.some(({ content }) => typeof content !== "string" && content.some(({ type }) => type === "image_url"));
}
