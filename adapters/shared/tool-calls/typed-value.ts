// Values that a syntax writes without saying of what kind they are.
import { kindOf } from "../json-schema-grammar/schema/kinds-of.ts";
import type { ExpectedValue } from "./expected-value.ts";
import { parseLiteral } from "./literal.ts";

/** The value as JSON: of another kind than a text only where the schema takes that. */
export function typedValue(text: string, { kinds, fits }: Pick<ExpectedValue, "kinds" | "fits">): string {
  const is_text = kinds.has("string");
  const is_blank = text.trim() === "";
  if (is_blank && is_text && fits(text)) return JSON.stringify(text);
  const value = is_blank ? EMPTY.find((empty) => kinds.has(kindOf(empty)) && fits(empty)) : parseLiteral(text);
  const is_known = value !== undefined && kindOf(value) !== "string" && kinds.has(kindOf(value));
  if (is_known && (!is_text || fits(value))) return jsonOf(text, value);
  return is_text || value === undefined ? JSON.stringify(text) : jsonOf(text, value);
}

/** What nothing at all may stand for. */
const EMPTY = [null, [], {}];

/** Long numbers lose digits on the way through a value. */
function jsonOf(text: string, value: unknown): string {
  try {
    JSON.parse(text);
    return text.trim();
  } catch {
    return JSON.stringify(value);
  }
}
