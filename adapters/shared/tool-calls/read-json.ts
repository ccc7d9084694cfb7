// A JSON value, or one as Python writes it, in a text that comes in pieces.
import { type TextReading, SyntaxMismatch, type TextSource } from "./text-source.ts";

/** Reads out an object, a list or a quoted text as it stands, to its own end. */
export function* readNested(source: TextSource): TextReading {
  let [depth, quote, escaped] = [0, "", false];
  for (;;) {
    const from = source.at;
    for (; source.at < source.text.length; source.at++) {
      const character = source.text[source.at]!;
      if (escaped) escaped = false;
      else if (quote !== "") {
        escaped = character === "\\";
        if (character === quote) quote = "";
      } else if (character === '"' || character === "'") quote = character;
      else if (character === "{" || character === "[") depth++;
      else if (character === "}" || character === "]") depth--;
      if (depth > 0 || quote !== "" || escaped || /\s/.test(character)) continue;
      source.at++;
      yield source.text.slice(from, source.at);
      return;
    }
    if (source.at > from) yield source.text.slice(from, source.at);
    if (source.ended) throw new SyntaxMismatch();
    yield undefined;
  }
}
