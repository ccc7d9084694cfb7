// Whether calls that a template has rendered are read as they were given.
import { isDeepStrictEqual } from "node:util";
import type { Tool } from "../../adapter.ts";
import { createCallReader } from "./call-reader.ts";
import { FIRST, hardArguments, type SampleCall, SECOND } from "./call-samples.ts";
import type { FoundSyntax } from "./call-parts.ts";
import { type EndOfAnswer, withoutEnd } from "./sample-answer.ts";
import { kindOf } from "../json-schema-grammar/schema/kinds-of.ts";

/** `answerOf`: the answer with these calls, as the template renders it. */
export function readsBack(
  syntax: FoundSyntax,
  answerOf: (...calls: SampleCall[]) => string,
  end_of_answer: EndOfAnswer,
): boolean {
  const python = syntax.arguments.style === "entries" && syntax.arguments.strings === "python";
  const [one, other] = hardArguments(!python);
  const given = [{ name: FIRST, arguments: one }, ...(syntax.parallel ? [{ name: SECOND, arguments: other }] : [])];
  const answer = answerOf(...given);
  const begin = answer.indexOf(syntax.triggers[0]!.text);
  if (begin < 0) return false;
  const tools = given.map((call): Tool => ({
    type: "function",
    function: { name: call.name, parameters: schemaOf(call.arguments) },
  }));
  const reader = createCallReader({ ...syntax, special_tokens: [], lists_tools: true }, tools);
  const pieces = reader.read(answer.slice(begin));
  const end = reader.end();
  if (withoutEnd(end.rest, end_of_answer).trim() !== "") return false;
  const read = given.map((_, index) => {
    const own = [...pieces, ...end.pieces].filter((piece) => piece.index === index);
    return { name: own[0]?.name, arguments: parse(own.map((piece) => piece.arguments).join("")) };
  });
  const expected = syntax.arguments.style === "elements" ? withoutNull(given) : given;
  return isDeepStrictEqual(read, expected);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Elements leave out what is null. */
function withoutNull(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNull);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([, item]) => item !== null);
  return Object.fromEntries(entries.map(([key, item]) => [key, withoutNull(item)]));
}

/** The schema that the value alone would have. */
function schemaOf(value: unknown): object {
  if (Array.isArray(value)) return { type: "array", items: value.length > 0 ? schemaOf(value[0]) : {} };
  if (typeof value !== "object" || value === null) return { type: kindOf(value) };
  return { type: "object", properties: Object.fromEntries(Object.entries(value).map(([key, item]) => [key, schemaOf(item)])) };
}
