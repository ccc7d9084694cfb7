// The ways to run ingle: its sources on Bun, on Deno with no more permissions than its task names, and on Node, and the one file that is
// made of them. Each has a home of its own and finds nothing of ours in it.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HOST, TARGETS } from "../../tools/compile/targets.ts";
import { box, removeExecutable, ROOT } from "./executable.ts";
import { runtimes, type Runtime } from "./runtimes.ts";
import { MAIN, startProgram, type Server, type ServerOptions } from "./server.ts";

export interface Way {
  name: string;
  /** Why this machine cannot go it, fit for a test's name. */
  skip?: string;
  /** What it takes is made now, an executable compiled. */
  open(): Promise<Place>;
}

export interface Place {
  /** The one folder below which every way may read and write. */
  folder: string;
  serve(args: string[], options?: Pick<ServerOptions, "data" | "env" | "own_group">): Promise<Server>;
  /** Once its servers have ended. */
  remove(): Promise<void>;
}

/** All of them, possible or not: what is not is to be skipped aloud. */
export function ways(): Way[] {
  return [...runtimes().map(sources), executable()];
}

function sources({ name, command, skip }: Runtime): Way {
  const open = async (): Promise<Place> => {
    const root = mkdtempSync(join(tmpdir(), "ingle-way-"));
    const [home, cwd] = [join(root, "home"), join(root, "cwd")];
    mkdirSync(cwd);
    const program = name === "deno" ? denoTask(command[0]!, home) : [...command, MAIN];
    const own = { HOME: home, XDG_CACHE_HOME: "", XDG_CONFIG_HOME: "", XDG_DATA_HOME: "" };
    return {
      folder: ownFolder(home),
      // The permission to read "." is for the clone.
      serve: (args, { env, ...options } = {}) =>
        startProgram(program, args, { ...options, cwd: name === "deno" ? ROOT : cwd, env: { ...own, ...env } }),
      remove: async () => rmSync(root, { recursive: true, force: true }),
    };
  };
  return { name, open, ...(skip !== undefined && { skip }) };
}

function executable(): Way {
  const open = async (): Promise<Place> => {
    const { home, serve, remove } = await box();
    return {
      folder: ownFolder(home),
      serve,
      async remove() {
        remove();
        await removeExecutable();
      },
    };
  };
  return { name: "executable", open, ...(!TARGETS.has(HOST) && { skip: `no executable is made for ${HOST}` }) };
}

/** Where ingle keeps its data if it is told nothing; Deno may use no other folder. */
function ownFolder(home: string): string {
  const folder = join(home, ".local/share/ingle");
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** `deno task serve` without the word `serve` at its end, and without the shell around it: its permissions stand in deno.json alone. */
function denoTask(binary: string, home: string): string[] {
  const { tasks } = JSON.parse(readFileSync(join(ROOT, "deno.json"), "utf8")) as { tasks: { serve: string } };
  const [, line] = / deno (run --no-prompt .*) serve$/.exec(tasks.serve) ?? [];
  if (line === undefined)
    throw new Error(`The task "serve" of deno.json does not end with "deno run --no-prompt … serve": ${tasks.serve}`);
  return [binary, ...line.replaceAll("$HOME", home).split(" ")];
}
