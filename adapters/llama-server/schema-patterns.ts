// The patterns in the schemas of a request, as llama-server turns them into grammars of JSON strings.
import type { ChatRequest } from "../adapter.ts";
import { GrammarError } from "../shared/grammar-limits/gbnf.ts";
import { toStringPattern } from "../shared/grammar-limits/string-pattern.ts";

/** The fields with schemas, whose patterns have passed `refuseCostlyPattern` where a grammar is made of them. */
export function withStringPatterns({ response_format, tools }: ChatRequest): Pick<ChatRequest, "response_format" | "tools"> {
  return {
    ...(response_format && { response_format: rewritten(response_format) }),
    ...(tools && {
      tools: tools.map(({ type, function: { parameters, ...called } }) => ({
        type,
        function: { ...called, ...(parameters && { parameters: rewritten(parameters) }) },
      })),
    }),
  };
}

/** Keys whose values are no schemas. */
const VALUES = ["const", "enum", "default", "examples"];

function rewritten<T>(schema: T): T {
  if (Array.isArray(schema)) return schema.map(rewritten) as T;
  if (typeof schema !== "object" || schema === null) return schema;
  const entries = Object.entries(schema).map(([key, value]) => {
    if (key === "pattern" && typeof value === "string") return [key, patternOf(value)];
    return [key, VALUES.includes(key) ? value : rewritten(value)];
  });
  return Object.fromEntries(entries) as T;
}

function patternOf(pattern: string): string {
  try {
    return toStringPattern(pattern);
  } catch (error) {
    if (!(error instanceof GrammarError)) throw error;
    // No grammar is made of a definition that nothing refers to.
    return pattern;
  }
}
