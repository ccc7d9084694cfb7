// One JSON object a line. Never a body, a key or a query string.

export type Fields = Record<string, unknown>;
export type Log = Record<"info" | "warn" | "error", (message: string, fields?: Fields) => void>;

/** `write` gets whole lines. An `Error` among the fields is told with its stack and its causes. */
export function createLog(write: (line: string) => void, now: () => number = Date.now): Log {
  const at =
    (level: string) =>
    (message: string, fields: Fields = {}): void =>
      write(`${JSON.stringify({ time: new Date(now()).toISOString(), level, message, ...fields }, readable)}\n`);
  return { info: at("info"), warn: at("warn"), error: at("error") };
}

function readable(_key: string, value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  return { stack: value.stack, ...(value.cause === undefined ? {} : { cause: value.cause }) };
}
