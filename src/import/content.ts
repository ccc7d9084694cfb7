// What an old message says, as text parts; and what else was in it, which has no place in ours.
import type { Message } from "../storage/entities.ts";
import { isObject, type JsonObject } from "../support/json.ts";
import { asArray, nonEmptyString } from "./json.ts";

/**
 * `content` is an array of parts (Jan, cortex), a string, or one part; parts hold `{value, annotations}` or a string.
 * `lost`: such as "an image", each once.
 */
export function contentOf({ content, attachments }: JsonObject): { parts: Message["content"]; lost: string[] } {
  const lost = new Set<string>();
  if (asArray(attachments).length > 0) lost.add("its attachments");
  const parts = [content].flat().flatMap((part) => partOf(part, lost) ?? []);
  return { parts, lost: [...lost] };
}

const TEXT = ["text", "input_text", "output_text"];
/** Jan's before 0.5.13 hold the text beside the path of the file. */
const WITH_FILE: Record<string, string> = { image: "an image", pdf: "a file", file: "a file" };
const OTHERS: Record<string, string> = {
  image_url: "an image",
  image_file: "an image",
  reasoning: "its reasoning",
  tool_call: "a tool call",
};

function partOf(part: unknown, lost: Set<string>): Message["content"][number] | undefined {
  if (typeof part === "string") return asText(part, []);
  if (!isObject(part)) return undefined;
  const type = nonEmptyString(part.type) ?? "text";
  if (!TEXT.includes(type)) {
    lost.add(WITH_FILE[type] ?? OTHERS[type] ?? `a part of type "${type.slice(0, 40)}"`);
    if (WITH_FILE[type] === undefined) return undefined;
  }
  const { text } = part;
  if (!isObject(text)) return asText(nonEmptyString(text), []);
  const annotations = asArray(text.annotations);
  const citations = annotations.filter(isObject);
  // Paths of files within the old folder.
  if (citations.length < annotations.length && TEXT.includes(type)) lost.add("a file");
  return asText(nonEmptyString(text.value), citations);
}

function asText(value: string | undefined, annotations: unknown[]): Message["content"][number] | undefined {
  return value === undefined || value.trim() === "" ? undefined : { type: "text", text: { value, annotations } };
}
