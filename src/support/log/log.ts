// The log: one line an event, without bodies, keys or query strings.
import { jsonLine } from "./json-line.ts";
import { LOG_LEVELS, type LogEntry, type LogFields, type LogLevel } from "./log-entry.ts";
import { textLine } from "./text-line.ts";

export type Log = Record<LogLevel, (message: string, fields?: LogFields) => void> & {
  /** Whether lines of this level are written: what is costly to find out need not be looked for otherwise. */
  isLevelEnabled(level: LogLevel): boolean;
};

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
  const { level: least = "info", format = "json", colors = false, now = Date.now } = options;
  const lineOf = format === "json" ? jsonLine : (entry: LogEntry) => textLine(entry, colors);
  const isLevelEnabled = (level: LogLevel): boolean => LOG_LEVELS.indexOf(level) <= LOG_LEVELS.indexOf(least);
  const at = (level: LogLevel): Log[LogLevel] => {
    if (!isLevelEnabled(level)) return () => {};
    return (message, fields = {}) => {
      try {
        write(`${lineOf({ time: now(), level, message, fields })}\n`, level);
      } catch {
        // The work that is logged goes on without its line.
      }
    };
  };
  return { error: at("error"), warn: at("warn"), info: at("info"), debug: at("debug"), isLevelEnabled };
}
