// A line of the log as one JSON object.
import { escapeInvisible } from "./escape-invisible.ts";
import type { LogEntry, LogFields } from "./log-entry.ts";
import { isRequestLine, REQUEST, type RequestLine } from "./request-line.ts";

let [latest, latest_text] = [Number.NaN, ""];

/** Requests come many in a millisecond. */
function isoTime(time: number): string {
  if (time !== latest) [latest, latest_text] = [time, new Date(time).toISOString()];
  return latest_text;
}

/** Without its end. Fields that are no JSON are left out, with a word about it. */
export function jsonLine({ time, level, message, fields }: LogEntry): string {
  if (message === REQUEST && isRequestLine(fields) && fields.model === undefined)
    return shortRequestLine(isoTime(time), level, fields);
  return `{"time":"${isoTime(time)}","level":"${level}","message":${quoted(message)}${bodyOf(fields)}`;
}

/**
 * What most lines are: a request that no model answers. Put together as one text, it costs about half of what `JSON.stringify`
 * would. Ids of requests are of this server: nothing in them is to be escaped.
 */
function shortRequestLine(time: string, level: string, line: RequestLine): string {
  const { request_id, status, method, path, duration_ms, ended, key, address } = line;
  const end = ended === undefined ? "" : `,"ended":"${ended}"`;
  const client =
    key !== undefined ? `,"key":${JSON.stringify(key)}` : address !== undefined ? `,"address":${quoted(address)}` : "";
  return `{"time":"${time}","level":"${level}","message":"request","request_id":"${request_id}","status":${status},"method":${quoted(method)},"path":${quoted(path)},"duration_ms":${duration_ms}${end}${client}}`;
}

/** Nothing in it is escaped. */
const PLAIN = /^[ !#-[\]-~]*$/;

function quoted(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : escapeInvisible(JSON.stringify(text));
}

function bodyOf(fields: LogFields): string {
  try {
    const body = escapeInvisible(JSON.stringify(fields, readable));
    return body === "{}" ? body.slice(1) : `,${body.slice(1)}`;
  } catch (error) {
    return `,"fields":${quoted(`They are no JSON: ${(error as Error).message}`)}}`;
  }
}

function readable(_key: string, value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  return { stack: value.stack, ...(value.cause === undefined ? {} : { cause: value.cause }) };
}
