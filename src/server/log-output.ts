// Where the lines of the log go: gathered for a moment, as a call of the system for each would cost more than the line.
import type { LogLevel } from "../support/log/log-entry.ts";
import type { Output } from "./standard-streams.ts";

const GATHER_MS = 20;
const GATHER_CHARACTERS = 64 * 1024;

/** What may wait for an output that takes nothing. What comes then is lost, so that a log that nobody reads fills no memory. */
const MOST_CHARACTERS = 1024 * 1024;

export interface LogOutput {
  write(line: string, level: LogLevel): void;
  /** Hands over what has been gathered. */
  flush(): void;
}

/** Warnings and errors go out at once, with what came before them. `onLost` is told how many lines were lost, once others go out again. */
export function createLogOutput(output: Pick<Output, "write">, onLost: (count: number) => void): LogOutput {
  let gathered = "";
  let lost = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let is_writing = false;

  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (gathered === "" || is_writing) return;
    const text = gathered;
    gathered = "";
    is_writing = true;
    output.write(text, () => {
      is_writing = false;
      const count = lost;
      lost = 0;
      if (count > 0) onLost(count);
      else if (gathered !== "") timer ??= setTimeout(flush, GATHER_MS);
    });
  };

  return {
    flush,
    write(line, level) {
      if (gathered.length > MOST_CHARACTERS) return void lost++;
      gathered += line;
      if (level === "error" || level === "warn" || gathered.length > GATHER_CHARACTERS) flush();
      else timer ??= setTimeout(flush, GATHER_MS);
    },
  };
}
