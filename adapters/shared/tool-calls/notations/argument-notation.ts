// How a model writes the arguments of its calls.
import type { CallSyntax } from "../../../call-syntax.ts";
import { JSON_NOTATION } from "../../json-schema-grammar/emit/json-notation.ts";
import type { Notation } from "../../json-schema-grammar/emit/emitter.ts";
import { behindArguments } from "../call-parts.ts";
import { bareNotation } from "./bare-notation.ts";
import { elementNotation } from "./element-notation.ts";
import { entryNotation } from "./entry-notation.ts";

export function argumentNotation(syntax: CallSyntax): Notation {
  const { arguments: given } = syntax;
  if (given.style === "bare") return bareNotation(given.quote);
  if (given.style === "elements") return elementNotation(given.mark);
  return given.style === "entries" ? entryNotation(given, behindArguments(syntax)) : JSON_NOTATION;
}
