// What was typed in conversations, kept from one start to the next.
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { HISTORY_FILE } from "../../storage/file-names.ts";

export interface History {
  /** The newest first, as readline wants them. */
  lines: string[];
  add(line: string): void;
}

/** In lines. */
export const HISTORY_SIZE = 1000;

/** Only its owner may read it. */
const MODE = 0o600;

/** The history in a data folder that is there; a history that cannot be read or kept is none. */
export function openHistory(folder: string): History {
  const path = join(folder, HISTORY_FILE);
  const kept = readLines(path);
  return {
    lines: kept.toReversed(),
    add: (line) => ignoreErrors(() => appendFileSync(path, `${line}\n`, { mode: MODE })),
  };
}

function readLines(path: string): string[] {
  let lines: string[] = [];
  ignoreErrors(() => {
    lines = readFileSync(path, "utf8").split("\n").filter(Boolean);
    if (lines.length <= 2 * HISTORY_SIZE) return;
    lines = lines.slice(-HISTORY_SIZE);
    writeFileSync(path, `${lines.join("\n")}\n`, { mode: MODE });
  });
  return lines.slice(-HISTORY_SIZE);
}

function ignoreErrors(work: () => void): void {
  try {
    work();
  } catch {
    // A conversation needs no history.
  }
}
