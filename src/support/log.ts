// The log: one JSON object a line, without bodies, keys or query strings.

export type LogFields = Record<string, unknown>;
export type Log = Record<"info" | "warn" | "error", (message: string, fields?: LogFields) => void>;

/** `write` gets whole lines. An `Error` among the fields is written with its stack and its causes. */
export function createLog(write: (line: string) => void, now: () => number = Date.now): Log {
  const at =
    (level: string) =>
    (message: string, fields: LogFields = {}): void => {
      const head = { time: new Date(now()).toISOString(), level, message };
      try {
        write(`${lineOf(head, fields)}\n`);
      } catch {
        // The work that is logged goes on without its line.
      }
    };
  return { info: at("info"), warn: at("warn"), error: at("error") };
}

function lineOf(head: object, fields: LogFields): string {
  try {
    return JSON.stringify({ ...head, ...fields }, readable);
  } catch (error) {
    return JSON.stringify({ ...head, fields: `They are no JSON: ${(error as Error).message}` });
  }
}

function readable(_key: string, value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  return { stack: value.stack, ...(value.cause === undefined ? {} : { cause: value.cause }) };
}
