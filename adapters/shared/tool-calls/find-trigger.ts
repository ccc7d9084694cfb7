// What a model writes first where it is about to call a tool.
import type { CallSyntax, CallTrigger } from "../../call-syntax.ts";
import { headsOf } from "./call-parts.ts";

/** One tag, or what is as long; in front of the second of two where a word stands between them. */
const MARKER = /^(?:\S*?\[)?(?:[\w ]*<[^<>\s]*>(?:\w+<[^<>\s]*>)?|\[[A-Z_]+\])/;

export function findTrigger(syntax: Pick<CallSyntax, "open" | "call">): CallTrigger {
  const text = (syntax.open + headsOf(syntax)[0]!).trimStart();
  // An object without a marker is a call at the beginning of an answer alone, and so is a recipient.
  if (/^(?:\{|to=)/.test(text)) return { text, at_start: true };
  return { text: MARKER.exec(text)?.[0] ?? text.split(/(?<=\[)|(?=[{\n]\s*\{)/)[0]!, at_start: false };
}
