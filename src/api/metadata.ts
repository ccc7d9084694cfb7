// The metadata of threads, messages and assistants, in a request.
import * as v from "valibot";
import { invalidValue } from "../http/errors.ts";
import { bytesOf, isDeeper, isObject, type JsonObject } from "../support/json.ts";
import { DEEPEST, LONGEST_KEY, LONGEST_STRING, MOST_BYTES, MOST_KEYS } from "../support/metadata-limits.ts";
import { codedMessage } from "../support/coded-message.ts";

/** A sentence when it is beyond a limit. */
function fault(metadata: JsonObject): string | undefined {
  const entries = Object.entries(metadata);
  if (entries.length > MOST_KEYS) return `"metadata" has ${entries.length} keys. At most ${MOST_KEYS} are allowed.`;
  for (const [key, value] of entries) {
    if (key.length === 0 || key.length > LONGEST_KEY) {
      return `A key of "metadata" has ${key.length} characters. 1 to ${LONGEST_KEY} are allowed.`;
    }
    if (typeof value === "string" && value.length > LONGEST_STRING) {
      return `"metadata.${key}" has ${value.length} characters. At most ${LONGEST_STRING} are allowed.`;
    }
  }
  if (isDeeper(metadata, DEEPEST)) return `"metadata" is nested deeper than ${DEEPEST} levels. Flatten it.`;
  const bytes = bytesOf(metadata);
  return bytes > MOST_BYTES ? `"metadata" takes ${bytes} bytes. At most ${MOST_BYTES} are allowed.` : undefined;
}

// Not v.record: it drops keys such as `__proto__`, and what was sent is to come back.
const Sent = v.custom<JsonObject>(isObject, codedMessage("invalid_type", `"metadata" must be an object.`));

/** Of a new record; null is none. */
export const NewMetadata = v.pipe(
  v.nullish(Sent, () => ({})),
  v.rawCheck(({ dataset, addIssue }) => {
    const message = dataset.typed ? fault(dataset.value) : undefined;
    if (message !== undefined) addIssue({ message: codedMessage("invalid_value", message) });
  }),
);

/** Of a change: keys are merged into those that are there, null removes one. */
export const MetadataChange = v.nullish(Sent);

/** Throws 400 `invalid_value` when the result is beyond a limit. */
export function merged(old: JsonObject, change: JsonObject | null | undefined): JsonObject {
  if (change == null) return old;
  const all = new Map([...Object.entries(old), ...Object.entries(change)]);
  const metadata = Object.fromEntries([...all].filter(([, value]) => value !== null));
  const message = fault(metadata);
  if (message !== undefined) throw invalidValue(message, "metadata");
  return metadata;
}
