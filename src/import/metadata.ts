// Metadata within our limits: entries that do not fit are left out, and named.
import { jsonBytes, isNestedDeeper, type JsonObject } from "../support/json.ts";
import { asObject } from "./json.ts";
import { MAX_DEPTH, MAX_KEY_LENGTH, MAX_STRING_LENGTH, MAX_BYTES, MAX_KEYS } from "../support/metadata-limits.ts";

/** `own` first, which always fits; then what fits of `old`, in its order. A sentence about what does not is added to `losses`. */
export function fitMetadata(own: JsonObject, old: unknown, losses: string[]): JsonObject {
  const entries = new Map(Object.entries(own));
  const dropped: string[] = [];
  let bytes = jsonBytes(own);
  for (const [key, value] of Object.entries(asObject(old))) {
    if (entries.has(key) || value === null || value === undefined) continue;
    const more = jsonBytes({ [key]: value });
    if (entries.size < MAX_KEYS && bytes + more <= MAX_BYTES && fits(key, value)) {
      entries.set(key, value);
      bytes += more;
    } else dropped.push(key);
  }
  const names = dropped.slice(0, 5).map((key) => `"${key.slice(0, MAX_KEY_LENGTH)}"`);
  const more_names = dropped.length > 5 ? " and more" : "";
  if (dropped.length > 0) losses.push(`Of its metadata ${names.join(", ")}${more_names} did not fit and was left out.`);
  return Object.fromEntries(entries);
}

function fits(key: string, value: unknown): boolean {
  if (key.length === 0 || key.length > MAX_KEY_LENGTH) return false;
  return typeof value === "string" ? value.length <= MAX_STRING_LENGTH : !isNestedDeeper(value, MAX_DEPTH - 1);
}
