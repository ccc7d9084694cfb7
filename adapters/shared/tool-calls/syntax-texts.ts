// The texts of a syntax of calls as they follow each other, where no name, id or argument comes in between.
import type { ArgumentSyntax, CallSyntax } from "../../call-syntax.ts";
import { headsOf, isValue, textsOf } from "./call-parts.ts";

export function syntaxTexts(syntax: Pick<CallSyntax, "open" | "call" | "between" | "close" | "arguments">): string[] {
  const [, ...parts] = syntax.call;
  const last = parts.at(-1);
  const tails = last === undefined || isValue(last) ? [""] : textsOf(last);
  const ends = tails.flatMap((tail) => [
    tail + syntax.close,
    ...headsOf(syntax).flatMap((head) => [syntax.open + head, tail + syntax.between + head]),
  ]);
  return [...ends, ...parts.flatMap((part) => (isValue(part) ? [] : textsOf(part))), ...argumentTexts(syntax.arguments)];
}

function argumentTexts(syntax: ArgumentSyntax): string[] {
  if (syntax.style === "json") return [];
  if (syntax.style === "bare") return [syntax.quote];
  if (syntax.style === "elements") return [syntax.mark];
  const { begin, key_begin, value_begin, value_end, between, end, none } = syntax;
  return [begin + key_begin, ...Object.values(value_begin), value_end + between + key_begin, value_end + end, none];
}
