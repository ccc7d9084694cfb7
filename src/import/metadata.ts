// Metadata within our limits: entries that do not fit are left out, and named.
import { bytesOf, isDeeper, isObject, type JsonObject } from "../support/json.ts";
import { DEEPEST, LONGEST_KEY, LONGEST_STRING, MOST_BYTES, MOST_KEYS } from "../support/metadata-limits.ts";

export interface FittedMetadata {
  metadata: JsonObject;
  /** Keys that were left out. */
  dropped: string[];
}

/** `own` first, which always fits; then what fits of `old`, in its order. */
export function fitMetadata(own: JsonObject, old: unknown): FittedMetadata {
  const entries = new Map(Object.entries(own));
  const dropped: string[] = [];
  let bytes = bytesOf(own);
  for (const [key, value] of Object.entries(isObject(old) ? old : {})) {
    if (entries.has(key) || value === null || value === undefined) continue;
    const more = bytesOf({ [key]: value });
    if (entries.size < MOST_KEYS && bytes + more <= MOST_BYTES && fits(key, value)) {
      entries.set(key, value);
      bytes += more;
    } else dropped.push(key);
  }
  return { metadata: Object.fromEntries(entries), dropped };
}

/** As the sentence of a report; undefined when all fitted. */
export function describeDropped({ dropped }: FittedMetadata): string | undefined {
  if (dropped.length === 0) return undefined;
  const names = dropped.slice(0, 5).map((key) => `"${key.slice(0, LONGEST_KEY)}"`);
  return `Of its metadata ${names.join(", ")}${dropped.length > 5 ? " and more" : ""} did not fit and was left out.`;
}

function fits(key: string, value: unknown): boolean {
  if (key.length === 0 || key.length > LONGEST_KEY) return false;
  return typeof value === "string" ? value.length <= LONGEST_STRING : !isDeeper(value, DEEPEST - 1);
}
