// Metadata within our limits: entries that do not fit are left out, and named.
import { jsonBytes, isNestedDeeper, isObject, type JsonObject } from "../support/json.ts";
import { MAX_DEPTH, MAX_KEY_LENGTH, MAX_STRING_LENGTH, MAX_BYTES, MAX_KEYS } from "../support/metadata-limits.ts";

export interface FittedMetadata {
  metadata: JsonObject;
  /** Keys that were left out. */
  dropped: string[];
}

/** `own` first, which always fits; then what fits of `old`, in its order. */
export function fitMetadata(own: JsonObject, old: unknown): FittedMetadata {
  const entries = new Map(Object.entries(own));
  const dropped: string[] = [];
  let bytes = jsonBytes(own);
  for (const [key, value] of Object.entries(isObject(old) ? old : {})) {
    if (entries.has(key) || value === null || value === undefined) continue;
    const more = jsonBytes({ [key]: value });
    if (entries.size < MAX_KEYS && bytes + more <= MAX_BYTES && fits(key, value)) {
      entries.set(key, value);
      bytes += more;
    } else dropped.push(key);
  }
  return { metadata: Object.fromEntries(entries), dropped };
}

/** As the sentence of a report; undefined when all fitted. */
export function describeDropped({ dropped }: FittedMetadata): string | undefined {
  if (dropped.length === 0) return undefined;
  const names = dropped.slice(0, 5).map((key) => `"${key.slice(0, MAX_KEY_LENGTH)}"`);
  return `Of its metadata ${names.join(", ")}${dropped.length > 5 ? " and more" : ""} did not fit and was left out.`;
}

function fits(key: string, value: unknown): boolean {
  if (key.length === 0 || key.length > MAX_KEY_LENGTH) return false;
  return typeof value === "string" ? value.length <= MAX_STRING_LENGTH : !isNestedDeeper(value, MAX_DEPTH - 1);
}
