// Python with the official `openai` client, in a virtual environment that outlives the tests.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

const VERSION = "3.54.0";
const HOME = join(homedir(), ".cache", "ingle", `python-${VERSION}`);
const PYTHON = join(HOME, "bin", "python");
/** Written last: without it the environment is half made. */
const WHOLE = join(HOME, "whole");

/** The interpreter, or why there is none, fit for a test's name. Throws what pip says when it cannot install the client. */
export async function pythonClient(): Promise<{ python: string } | { skip: string }> {
  if (existsSync(WHOLE)) return { python: PYTHON };
  const missing = await lacking();
  if (missing !== undefined) return { skip: missing };
  await rm(HOME, { recursive: true, force: true });
  await mkdir(join(HOME, ".."), { recursive: true, mode: 0o700 });
  await run("python3", ["-m", "venv", HOME]);
  await run(PYTHON, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", `openai==${VERSION}`], {
    timeout: 300_000,
  });
  await writeFile(WHOLE, "");
  return { python: PYTHON };
}

async function lacking(): Promise<string | undefined> {
  const has = (...args: string[]) =>
    run("python3", args).then(
      () => true,
      () => false,
    );
  if (!(await has("--version"))) return "python3 is not on this machine";
  if (!(await has("-c", "import sys; sys.exit(sys.version_info < (3, 9))"))) return "python3 is older than 3.9";
  if (!(await has("-c", "import ensurepip, venv"))) return "python3 has no venv with pip";
  return undefined;
}
