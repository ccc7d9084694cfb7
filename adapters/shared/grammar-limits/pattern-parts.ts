// The parts of a regular expression in a JSON Schema, and its classes as GBNF has them.

/** A class, a count, a group, an escape, or one character. */
export const PATTERN_PART = /\[(?:\\[\s\S]|[^\]\\])*\]|\{\d+(?:,\d*)?\}|\(\?:|\\[\s\S]|[\s\S]/gu;

/** Members of a class. */
const SHORTHANDS: Record<string, string> = { d: "0-9", w: "a-zA-Z0-9_", s: " \\t\\n\\r" };

/** The class that a part is; undefined where it is none. */
export function classGrammar(part: string): string | undefined {
  if (part === ".") return "[^\\n\\r]";
  if (part.startsWith("[")) return part.replaceAll(/\\([\s\S])/g, (_, escaped: string) => escapeInClass(escaped));
  if (/^\\[dws]$/.test(part)) return `[${SHORTHANDS[part[1]!]}]`;
  if (/^\\[DWS]$/.test(part)) return `[^${SHORTHANDS[part[1]!.toLowerCase()]}]`;
  return undefined;
}

function escapeInClass(escaped: string): string {
  if (/[dws]/.test(escaped)) return SHORTHANDS[escaped]!;
  return /[nrt\\\]"[]/.test(escaped) ? `\\${escaped}` : escaped === "-" ? "\\x2D" : escaped;
}
