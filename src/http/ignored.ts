// What a request asked for and its answer does without, named in one header, so that nothing is dropped in silence.
import type { Context } from "hono";
import type { AppEnv } from "./app-env.ts";

export const IGNORED_HEADER = "x-ingle-ignored";

/** More names than a client can use, and far fewer bytes than a client takes for all its headers. */
const MOST_NAMES = 50;
const LONGEST_NAME = 200;
const LONGEST_HEADER = 4096;

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
  const fitting = names.slice(0, countFitting(names));
  return [...fitting, ...(fitting.length < fields.length ? ["..."] : [])].join(", ");
}

function countFitting(names: string[]): number {
  let length = 0;
  const first = names.findIndex((name) => (length += name.length + 2) > LONGEST_HEADER);
  return first === -1 ? names.length : first;
}
