// The log of a server, as its settings have it.
import { createLog, type Log } from "../support/log/log.ts";
import { createLogOutput } from "./log-output.ts";
import type { Config } from "./settings.ts";
import { standardError } from "./standard-streams.ts";

export interface OpenLog {
  log: Log;
  /** Hands over the last lines. */
  flush(): void;
}

/**
 * `write` takes the lines, in JSON unless the settings say otherwise; absent: standard error, in text where that is a terminal unless the
 * settings say otherwise.
 */
export function openLog(
  { log_level: level, log_format }: Pick<Config, "log_level" | "log_format">,
  write?: (line: string) => void,
): OpenLog {
  if (write !== undefined)
    return { log: createLog((line) => write(line), { level, format: log_format ?? "json" }), flush: () => {} };
  const { isTTY, hasColors } = standardError;
  const output = createLogOutput(standardError, (count) =>
    log.warn("lines of the log were lost, as nobody took them", { count }),
  );
  const log = createLog(output.write, { level, format: log_format ?? (isTTY ? "text" : "json"), colors: hasColors });
  return { log, flush: output.flush };
}
