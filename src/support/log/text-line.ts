// A line of the log for people at a terminal.
import { styleText } from "node:util";
import { escapeInvisible } from "./escape-invisible.ts";
import type { LogEntry, LogLevel } from "./log-entry.ts";
import { isRequestLine, type RequestLine } from "./request-line.ts";

type Style = Parameters<typeof styleText>[0];

const LEVEL_STYLES: Record<LogLevel, Style> = { error: "red", warn: "yellow", info: "cyan", debug: "dim" };
const ENDINGS = { left: "the client left", broken: "broke off" };
const STATUS_STYLES: Record<string, Style> = { 2: "green", 3: "cyan", 4: "yellow", 5: "red" };

/** Without its end; the stack of an error stands in lines of its own behind it. */
export function textLine({ time, level, message, fields }: LogEntry, colors: boolean): string {
  const paint = (style: Style, text: string): string => (colors ? styleText(style, text, { validateStream: false }) : text);
  const clock = paint("dim", new Date(time).toTimeString().slice(0, 8));
  if (isRequestLine(fields)) {
    const status = paint(STATUS_STYLES[String(fields.status)[0]!] ?? "dim", String(fields.status));
    return [clock, status, fields.method.padEnd(6), escapeInvisible(fields.path), paint("dim", detailsOf(fields))]
      .join(" ")
      .trimEnd();
  }
  const filled = Object.entries(fields).filter(([, value]) => value !== undefined);
  const [errors, plain] = split(filled, ([, value]) => value instanceof Error);
  const pairs = plain.map(([name, value]) => paint("dim", `${name}=`) + valueOf(value));
  const head = [clock, paint(LEVEL_STYLES[level], level.toUpperCase().padEnd(5)), escapeInvisible(message), ...pairs].join(" ");
  return [head, ...errors.flatMap(([, error]) => stackOf(error as Error))].join("\n");
}

/** `tiny, 812 in (700 cached), 128 out, first 0.21 s, 3.42 s, key 1`. */
function detailsOf(line: RequestLine): string {
  const { model, prompt_tokens, cached_tokens, completion_tokens, first_token_ms, duration_ms, ended, key, address } = line;
  const cached = cached_tokens ? ` (${cached_tokens} cached)` : "";
  const details = [
    model === undefined ? "" : escapeInvisible(model),
    prompt_tokens === undefined ? "" : `${prompt_tokens} in${cached}`,
    completion_tokens === undefined ? "" : `${completion_tokens} out`,
    first_token_ms === undefined ? "" : `first ${duration(first_token_ms)}`,
    duration(duration_ms),
    ended === undefined ? "" : ENDINGS[ended],
    key === undefined ? (address ?? "") : key === "owner" ? "owner" : `key ${key}`,
  ];
  return details.filter(Boolean).join(", ");
}

function duration(ms: number): string {
  return ms < 1000 ? `${ms.toFixed(ms < 10 ? 1 : 0)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

/** A value that could be taken for several, or for none, has quotes. */
function valueOf(value: unknown): string {
  if (typeof value === "string" && /^[^\s"=]+$/.test(value)) return escapeInvisible(value);
  try {
    return escapeInvisible(JSON.stringify(value));
  } catch {
    return "no JSON";
  }
}

function stackOf(error: Error): string[] {
  const own = (error.stack ?? error.message).split("\n").map((line) => `  ${escapeInvisible(line)}`);
  return error.cause instanceof Error ? [...own, "  caused by:", ...stackOf(error.cause)] : own;
}

function split<T>(values: T[], belongs: (value: T) => boolean): [T[], T[]] {
  return [values.filter(belongs), values.filter((value) => !belongs(value))];
}
