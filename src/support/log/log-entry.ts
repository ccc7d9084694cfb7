// What a line of the log is made of.

/** The most important first. */
export const LOG_LEVELS = ["error", "warn", "info", "debug"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export type LogFields = Record<string, unknown>;

export interface LogEntry {
  /** Milliseconds since 1970. */
  time: number;
  level: LogLevel;
  message: string;
  fields: LogFields;
}
