// The log: one line an event, without bodies, keys or query strings. Levels are consola's, the two forms of a line are ours.
import { createConsola, LogLevels } from "consola/core";
import { jsonLine } from "./json-line.ts";
import type { LogEntry, LogFields, LogLevel } from "./log-entry.ts";
import { textLine } from "./text-line.ts";

export type Log = Record<LogLevel, (message: string, fields?: LogFields) => void>;

export interface LogOptions {
  /** The least important level that is written; `info` unless said. */
  level?: LogLevel;
  /** `text` is for people at a terminal; `json` unless said. */
  format?: "json" | "text";
  /** Colours of a terminal, in `text`. */
  colors?: boolean;
  /** Milliseconds since 1970. */
  now?: () => number;
}

/** `write` gets whole lines. An `Error` among the fields is written with its stack and its causes. */
export function createLog(write: (line: string, level: LogLevel) => void, options: LogOptions = {}): Log {
  const { level = "info", format = "json", colors = false, now = Date.now } = options;
  const lineOf = format === "json" ? jsonLine : (entry: LogEntry) => textLine(entry, colors);
  const reporter = {
    log({ type, args: [message, fields = {}] }: { type: string; args: unknown[] }): void {
      const entry = { time: now(), level: type as LogLevel, message: message as string, fields: fields as LogFields };
      try {
        write(`${lineOf(entry)}\n`, entry.level);
      } catch {
        // The work that is logged goes on without its line.
      }
    },
  };
  // Requests that are alike are no repetition: consola would leave them out.
  return createConsola({ level: LogLevels[level], reporters: [reporter], throttle: 0 });
}
