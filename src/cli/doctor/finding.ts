// One finding of `ingle doctor`, and how a check finds out within a time limit.
import { execFile } from "node:child_process";
import { access } from "node:fs/promises";
import { stripVTControlCharacters } from "node:util";

export interface Finding {
  about: string;
  /** `missing`: ingle works without it, but slower or with less. `broken`: ingle cannot work. */
  state: "good" | "missing" | "broken";
  says: string;
  /** The command, or the words, that mend it. */
  mend?: string;
}

/** Makes the findings of a check. */
export function findingsAbout(about: string): Record<Finding["state"], (says: string, mend?: string) => Finding> {
  const inState = (state: Finding["state"]) => (says: string, mend?: string) => ({ about, state, says, ...(mend && { mend }) });
  return { good: inState("good"), missing: inState("missing"), broken: inState("broken") };
}

export type Check = () => Finding | Finding[] | Promise<Finding | Finding[]>;

export interface CheckOptions {
  /** A check that fails is `broken` instead of `missing`. */
  vital?: boolean;
  /** The time after which it is given up, as a network disk or a driver may never answer. */
  timeout_ms?: number;
}

/** The findings of a check; one that throws or takes too long is a finding too. */
export async function runCheck(about: string, check: Check, options: CheckOptions = {}): Promise<Finding[]> {
  const { vital = false, timeout_ms = 15_000 } = options;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`It gave no answer within ${timeout_ms / 1000} s.`)), timeout_ms);
  });
  try {
    return [await Promise.race([Promise.resolve().then(check), late])].flat();
  } catch (error) {
    return [{ about, state: vital ? "broken" : "missing", says: (error as Error).message }];
  } finally {
    clearTimeout(timer);
  }
}

interface ProgramResult {
  /** False where there is no such program. */
  found: boolean;
  /** Whether the program ended with exit code 0. */
  ok: boolean;
  /** Standard output, and standard error where there is none. */
  text: string;
  /** Where `ok` is false: what standard error says of it, the signal, or that it took too long. */
  why: string;
}

/** Runs a program, by its path or from the PATH, until it ends or its time is over. Never rejects. */
export function runProgram(program: string, args: string[], { ms = 5_000, env = process.env } = {}): Promise<ProgramResult> {
  return new Promise((resolve) => {
    const child = execFile(program, args, { timeout: ms, killSignal: "SIGKILL", env }, (error, stdout, stderr) => {
      const ended = error?.signal ? `it was ended by ${error.signal}` : (error?.message ?? "");
      const why = error?.killed ? `it gave no answer within ${ms / 1000} s` : reasonIn(stderr) || ended;
      resolve({ found: error?.code !== "ENOENT", ok: error === null, text: (stdout || stderr).trim(), why });
    });
    child.stdin?.on("error", () => {}).end();
  });
}

/** The line that says why a program has ended: that of its error, else the last one that is no part of a stack. */
function reasonIn(stderr: string): string {
  const lines = stripVTControlCharacters(stderr)
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const error = lines.find((line) => ERROR.test(line) || line.includes("GGML_ASSERT"));
  return error?.replace(ERROR, "") ?? lines.findLast((line) => !STACK.test(line)) ?? "";
}

/** How Node, Bun and Deno begin the line of an error that ends them. */
const ERROR = /^(?:error: |(?:[A-Z]\w*)?Error(?: \[\w+\])?: )(?:Uncaught (?:\(in promise\) )?)?(?:(?:[A-Z]\w*)?Error: )?/;
/** Frames of JavaScript, native frames, pieces of the source, fields of the error, and who ran it. */
const STACK = /^(?:at |#\d+ |\d+ \||\^|[{}]|\w+: ['"\d]|Node\.js v|Bun v|\S+\(.*\+0x)/;

/** Whether this user may access a file; `mode` is one of `constants` of `node:fs`. */
export function isAccessible(path: string, mode: number): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  );
}
