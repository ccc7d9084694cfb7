// What is piped or redirected into a command.
import { text as readAll } from "node:stream/consumers";
import { printNote } from "../print.ts";

/** In ms: so long a pipe may stay open in silence before a person is told what is waited for. */
const PATIENCE_MS = 3_000;

/** All of standard input without the last line break; undefined where it is a terminal. */
export async function readPipedInput(): Promise<string | undefined> {
  if (process.stdin.isTTY) return undefined;
  const note = setTimeout(
    () => printNote("Waiting for the end of standard input. Where there is none, add </dev/null."),
    PATIENCE_MS,
  );
  try {
    return (await readAll(process.stdin)).replace(/\r?\n$/, "");
  } finally {
    clearTimeout(note);
  }
}
