// A line of the log as one JSON object.
import { escapeInvisible } from "./escape-invisible.ts";
import type { LogEntry, LogFields } from "./log-entry.ts";

let [latest, latest_text] = [Number.NaN, ""];

/** Requests come many in a millisecond. */
function isoTime(time: number): string {
  if (time !== latest) [latest, latest_text] = [time, new Date(time).toISOString()];
  return latest_text;
}

/** Without its end. Fields that are no JSON are left out, with a word about it. */
export function jsonLine({ time, level, message, fields }: LogEntry): string {
  // Put together as text: an object of both would take as long again as all the rest.
  const head = `{"time":"${isoTime(time)}","level":"${level}","message":${JSON.stringify(message)}`;
  return escapeInvisible(`${head}${bodyOf(fields)}`);
}

function bodyOf(fields: LogFields): string {
  try {
    const body = JSON.stringify(fields, isPlain(fields) ? undefined : readable);
    return body === "{}" ? body.slice(1) : `,${body.slice(1)}`;
  } catch (error) {
    return `,"fields":${JSON.stringify(`They are no JSON: ${(error as Error).message}`)}}`;
  }
}

/** Plain values need no look at each of them, which would double the time of a line. */
function isPlain(fields: LogFields): boolean {
  for (const name in fields) if (typeof fields[name] === "object") return false;
  return true;
}

function readable(_key: string, value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  return { stack: value.stack, ...(value.cause === undefined ? {} : { cause: value.cause }) };
}
