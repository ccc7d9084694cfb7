// A terminal of its own for a program: keys are typed, and what it shows is read.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { run } from "./program.ts";

const TERMINAL = fileURLToPath(new URL("./terminal.py", import.meta.url));

/** Whether `terminal.py` can run here. */
export function hasPython(): boolean {
  try {
    execFileSync("python3", ["-c", "import pty, os; os.waitstatus_to_exitcode"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** A pattern that is waited for in what came since the last step, and the keys that are typed then. */
export type Step = [pattern: string, keys: string];

export interface Screen {
  /** All that was written. */
  output: string;
  code: number;
  /** The pattern that never came. */
  missing: string | null;
}

/** Runs a command in a terminal that is so many columns wide. */
export async function inTerminal(
  columns: number,
  command: string[],
  env: Record<string, string> = {},
  steps: Step[] = [],
): Promise<Screen> {
  const sized = ["bash", "-c", `stty cols ${columns}; exec "$@"`, "bash", ...command];
  const { stdout, stderr } = await run(["python3", TERMINAL, JSON.stringify(steps), ...sized], { env });
  if (stderr !== "") throw new Error(stderr);
  return JSON.parse(stdout) as Screen;
}
