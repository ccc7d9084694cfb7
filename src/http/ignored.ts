// What a request asked for and its answer does without, named in one header, so that nothing is dropped in silence.
import type { Context } from "hono";
import type { AppEnv } from "./app-env.ts";

export const IGNORED_HEADER = "x-ingle-ignored";

/** More names than a client can use, and far fewer bytes than a client takes for a header. */
const MOST_NAMES = 50;
const LONGEST_NAME = 200;

/** Names fields that were passed over, by paths such as `reasoning_effort` or `tools[0].function.parameters`; adds to those named before. */
export function nameIgnored(c: Context<AppEnv>, fields: readonly string[]): void {
  if (fields.length > 0) c.set("ignored", [...(c.get("ignored") ?? []), ...fields]);
}

/** The fields as the value of the header; keys of a client may hold anything. */
export function ignoredHeader(fields: readonly string[]): string {
  const names = fields.slice(0, MOST_NAMES).map((field) =>
    encodeURI(field.slice(0, LONGEST_NAME).toWellFormed())
      .replaceAll(",", "%2C")
      .replace(/%5[BD]/g, decodeURI),
  );
  return [...names, ...(fields.length > MOST_NAMES ? ["..."] : [])].join(", ");
}
