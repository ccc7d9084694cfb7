// Where an answer begins: in thoughts, behind them, or in a text that goes on.
import type { ChatRequest } from "../../adapter.ts";
import type { ThoughtMarkers } from "../../prompts.ts";
import { continuedMessage } from "../continued-message.ts";
import { textOf } from "../message-text.ts";
import { tagsOf } from "./tags.ts";

/** `not said`: the model decides whether it thinks. `in thoughts`, `in text`: the answer goes on with such that the request has. */
export type ThoughtPlace = "opened" | "closed" | "not said" | "in thoughts" | "in text";

export const isThinking = (place: ThoughtPlace): boolean => place === "opened" || place === "in thoughts";

/** `tail`: that of the prompt. */
export function thoughtPlace(
  request: Pick<ChatRequest, "messages" | "continue_final_message">,
  tail: string,
  markers: ThoughtMarkers,
): ThoughtPlace {
  const continued = continuedMessage(request);
  const text = continued === undefined ? "" : textOf(continued.content);
  if (text !== "") return isOpen(text, markers) ? "in thoughts" : "in text";
  return continued?.reasoning_content ? "in thoughts" : opensThoughts(tail, markers);
}

/** What the end of a prompt says that ends with the beginning of an answer. */
export function opensThoughts(tail: string, { begin, end, text_begins = [] }: ThoughtMarkers): "opened" | "closed" | "not said" {
  const written = tail.trimEnd();
  if (written.endsWith(begin)) return "opened";
  return [end, ...text_begins].some((mark) => written.endsWith(mark)) ? "closed" : "not said";
}

/** Clients without a field for thoughts begin an answer with a marker in its text. */
function isOpen(text: string, { begin, end }: ThoughtMarkers): boolean {
  return text.trimStart().startsWith(begin) && !text.includes(end);
}

/**
 * What ends thoughts at once, so that the answer goes on with a text; with `calls`, with a text or a call. Empty where there are none to end.
 */
export function endOfThoughts(markers: ThoughtMarkers, place: ThoughtPlace, calls: boolean): string {
  const { begin, end, close, skip, next, text_begins: [text_begin = ""] = [] } = markers;
  if (place === "closed" || place === "in text") return "";
  if (!calls || text_begin === "") return isThinking(place) ? close : skip;
  const open_end = next === undefined ? withoutEnd(close, text_begin) : end + next;
  return isThinking(place) ? open_end : begin + open_end;
}

function withoutEnd(text: string, end: string): string {
  return text.trimEnd().endsWith(end) ? text.trimEnd().slice(0, -end.length) : text;
}

/** Names of special tokens that the text of an answer needs for its thoughts to be read; also of some that a vocabulary may not have. */
export function thoughtTokens({ begin, end, next = "", text_begins = [], text_end }: ThoughtMarkers): string[] {
  return tagsOf([begin, end, next, ...text_begins, text_end?.mark ?? "", text_end?.rest ?? ""]);
}
