// Values that a syntax writes without saying of what kind they are.
import type { ValueKind } from "../../call-syntax.ts";
import { parseLiteral } from "./literal.ts";
import { isObject, kindOf } from "./schema-kinds.ts";

/** The value as JSON: of another kind than a text only where the schema takes that. */
export function typedValue(text: string, kinds: ReadonlySet<ValueKind>, schema: unknown): string {
  const value = text.trim() === "" && kinds.has("null") && !kinds.has("string") ? null : parseLiteral(text);
  const known = value !== undefined && kinds.has(kindOf(value)) && kindOf(value) !== "string";
  const listed = isObject(schema) && Array.isArray(schema.enum) ? schema.enum : undefined;
  if (known && (listed === undefined || listed.includes(value) || !kinds.has("string"))) return jsonOf(text, value);
  if (kinds.has("string") || value === undefined) return JSON.stringify(text);
  return jsonOf(text, value);
}

/** Long numbers lose digits on the way through a value. */
function jsonOf(text: string, value: unknown): string {
  try {
    JSON.parse(text);
    return text.trim();
  } catch {
    return JSON.stringify(value);
  }
}
