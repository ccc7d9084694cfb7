// Python with packages, in a virtual environment that outlives the tests.
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { oneAtATime } from "./one-at-a-time.ts";

const run = promisify(execFile);

const CLIENT = "3.54.0";
const SCHEMATHESIS = "4.32.5";
// Their packages need one that is newer than the official client's.
const OLDEST_OF_LIST = "3.10";

type Python = { python: string } | { skip: string };

/** The interpreter with the official client, or why there is none, fit for a test's name. Throws what pip says when it cannot install it. */
export const pythonClient = (): Promise<Python> => pythonWith([`openai==${CLIENT}`], `python-${CLIENT}`);

/** The same with the tool that compares servers with their documents; where pip cannot install it, that is why there is none. */
export const pythonSchemathesis = (): Promise<Python> =>
  pythonWith([`schemathesis==${SCHEMATHESIS}`], `python-schemathesis-${SCHEMATHESIS}`).catch((error: Error) => ({
    skip: `schemathesis cannot be installed: ${error.message.trim().split("\n").at(-1)}`,
  }));

/** The same with all that a file of requirements lists, which has to name each version. */
export async function pythonOf(file: string): Promise<Python> {
  const list = await readFile(file);
  const hash = createHash("sha256").update(list).digest("hex").slice(0, 12);
  return pythonWith(["-r", file], `python-list-${hash}`, OLDEST_OF_LIST);
}

async function pythonWith(requirements: string[], folder: string, oldest = "3.9"): Promise<Python> {
  const home = join(homedir(), ".cache", "ingle", folder);
  return oneAtATime(`${home}.lock`, () => madeAt(home, requirements, oldest));
}

async function madeAt(home: string, requirements: string[], oldest: string): Promise<Python> {
  const python = join(home, "bin", "python");
  // Written last: without it the environment is half made.
  const whole = join(home, "whole");
  if (existsSync(whole)) return { python };
  const missing = await lacking(oldest);
  if (missing !== undefined) return { skip: missing };
  await rm(home, { recursive: true, force: true });
  await run("python3", ["-m", "venv", home]);
  await run(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...requirements], { timeout: 1_200_000 });
  await writeFile(whole, "");
  return { python };
}

async function lacking(oldest: string): Promise<string | undefined> {
  const has = (...args: string[]) =>
    run("python3", args).then(
      () => true,
      () => false,
    );
  if (!(await has("--version"))) return "python3 is not on this machine";
  const newer = `import sys; sys.exit(sys.version_info < (${oldest.replace(".", ", ")}))`;
  if (!(await has("-c", newer))) return `python3 is older than ${oldest}`;
  if (!(await has("-c", "import ensurepip, venv"))) return "python3 has no venv with pip";
  return undefined;
}
