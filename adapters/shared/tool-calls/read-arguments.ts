// The arguments of a call in a text that comes in pieces, read out as JSON.
import type { ArgumentSyntax } from "../../call-syntax.ts";
import type { ExpectedValue } from "./expected-value.ts";
import { readBareValue } from "./read-bare.ts";
import { readElements } from "./read-elements.ts";
import { readEntries } from "./read-entries.ts";
import { readNested } from "./read-json.ts";
import type { TextReading, TextSource } from "./text-source.ts";

/** `next`: what may stand behind the arguments, which is not read. `expected`: it tells a text from a number. */
export function readArguments(
  source: TextSource,
  syntax: ArgumentSyntax,
  next: readonly string[],
  expected: ExpectedValue,
): TextReading {
  if (syntax.style === "json") return readNested(source);
  if (syntax.style === "bare") return readBareValue(source, syntax.quote);
  return syntax.style === "entries"
    ? readEntries(source, syntax, next, expected)
    : readElements(source, syntax.mark, next, expected);
}
