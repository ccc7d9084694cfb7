// The metadata of threads, messages and assistants, in a request.
import * as v from "valibot";
import { invalidValue } from "../http/errors.ts";
import { jsonBytes, isNestedDeeper, type JsonObject } from "../support/json.ts";
import { MAX_DEPTH, MAX_KEY_LENGTH, MAX_STRING_LENGTH, MAX_BYTES, MAX_KEYS } from "../support/metadata-limits.ts";
import { codedMessage } from "../support/coded-message.ts";
import { anyObject } from "./objects.ts";

/** A sentence when the metadata is beyond a limit. */
function findFault(metadata: JsonObject): string | undefined {
  const entries = Object.entries(metadata);
  if (entries.length > MAX_KEYS) return `"metadata" has ${entries.length} keys. At most ${MAX_KEYS} are allowed.`;
  for (const [key, value] of entries) {
    if (key.length === 0 || key.length > MAX_KEY_LENGTH) {
      return `A key of "metadata" has ${key.length} characters. 1 to ${MAX_KEY_LENGTH} are allowed.`;
    }
    if (typeof value === "string" && value.length > MAX_STRING_LENGTH) {
      return `"metadata.${key}" has ${value.length} characters. At most ${MAX_STRING_LENGTH} are allowed.`;
    }
  }
  // The bytes first: looking for the depth of a large value takes a hundred times as long (`bench:bodies`, row `1 MiB of {}`).
  const bytes = jsonBytes(metadata);
  if (bytes > MAX_BYTES) return `"metadata" takes ${bytes} bytes. At most ${MAX_BYTES} are allowed.`;
  return isNestedDeeper(metadata, MAX_DEPTH) ? `"metadata" is nested deeper than ${MAX_DEPTH} levels. Flatten it.` : undefined;
}

/** The metadata of a new record; null stands for `{}`. */
export const NewMetadata = v.pipe(
  v.nullish(anyObject, () => ({})),
  v.rawCheck(({ dataset, addIssue }) => {
    const message = dataset.typed ? findFault(dataset.value) : undefined;
    if (message !== undefined) addIssue({ message: codedMessage("invalid_value", message) });
  }),
);

/** The metadata of a change: its keys are merged into the old ones, and null as a value removes a key. */
export const MetadataChange = v.nullish(anyObject);

/** Throws 400 `invalid_value` when the result is beyond a limit. */
export function mergeMetadata(old: JsonObject, change: JsonObject | null | undefined): JsonObject {
  if (change == null) return old;
  const entries = new Map([...Object.entries(old), ...Object.entries(change)]);
  const metadata = Object.fromEntries([...entries].filter(([, value]) => value !== null));
  const message = findFault(metadata);
  if (message !== undefined) throw invalidValue(message, "metadata");
  return metadata;
}
