// System calls of a running process: looked at, or made to fail. It is attached to what stands idle, so that the first call that
// it sees is the first one of the next request.
import { spawn, spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A system call of a request, by the path that it was about. */
export interface Call {
  name: string;
  path: string;
}

export interface Trace {
  /** Lets go of the process and answers with what it has seen, as strace writes it. `ended`: the process is on its way out. */
  end(ended?: boolean): Promise<string>;
}

/** Why this machine cannot make system calls fail, fit for a test's name. */
export const NO_STRACE = missing();

const PATIENCE_MS = 20_000;
let traces = 0;

/** `words` say what is traced and what becomes of it. Resolves when all threads of the process are watched. */
export async function attach(pid: number, words: string[]): Promise<Trace> {
  const output = join(tmpdir(), `ingle-strace-${process.pid}-${traces++}`);
  const child = spawn("strace", ["-f", "-y", "-o", output, ...words, "-p", String(pid)], { stdio: ["ignore", "ignore", "pipe"] });
  const ended = new Promise<void>((resolve) => child.on("close", () => resolve()));
  let said = "";
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`strace does not attach: ${said}`)), PATIENCE_MS);
    const done = (): void => (clearTimeout(timer), resolve());
    child.stderr.setEncoding("utf8").on("data", (text) => /attached/.test((said += text)) && done());
    void ended.then(() => reject(new Error(`strace ended: ${said}`)));
  });
  return {
    async end(over = false) {
      // Told to let go of a process that ends just then, strace waits for ever; left alone it ends with it.
      if (!over) child.kill("SIGINT");
      const timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS);
      await ended.finally(() => clearTimeout(timer));
      const text = readFileSync(output, "utf8");
      rmSync(output);
      return text;
    },
  };
}

/** Everything a process does with files. */
export const WATCH = ["-e", "trace=%file,%desc"];

/** The k-th such call of each thread fails with `fault`, or ends the process where that is `KILL`. */
export function failing({ name, path }: Call, fault: string, k: number): string[] {
  const effect = fault === "KILL" ? "signal=KILL" : `error=${fault}`;
  return ["-P", path, "-e", `trace=${name}`, "-e", `inject=${name}:${effect}:when=${k}`];
}

/** The calls of a trace that are about paths below `base`, in their order. */
export function callsIn(trace: string, base: string): Call[] {
  return trace.split("\n").flatMap((line) => {
    const name = /^\d+ +(\w+)\(/.exec(line)?.[1];
    const at = line.search(new RegExp(`["<]${base}["/>]`));
    const path = /^[^">]+/.exec(line.slice(at + 1))?.[0];
    return name === undefined || at === -1 || path === undefined ? [] : [{ name, path }];
  });
}

function missing(): string | undefined {
  const { error, status } = spawnSync("strace", ["-o", "/dev/null", "true"]);
  if (error !== undefined) return `strace is not installed (${error.message})`;
  return status === 0 ? undefined : "strace may not watch processes here";
}
