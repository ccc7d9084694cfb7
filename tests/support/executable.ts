// ingle as one file, compiled for this machine by the real script.
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { run, RUNTIME } from "./program.ts";
import { startProgram, type Server, type ServerOptions } from "./server.ts";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SCRIPT = join(ROOT, "tools/compile/bun.ts");
let compiled: Promise<string> | undefined;

/** Path of the executable; compiled once for all boxes of a process. What it carries is what the script chooses. */
const executable = (): Promise<string> => (compiled ??= compileTo(mkdtempSync(join(tmpdir(), "ingle-compiled-"))));

async function compileTo(folder: string): Promise<string> {
  const outfile = join(folder, "ingle");
  const { code, stdout, stderr } = await run([...RUNTIME.command, SCRIPT, "--outfile", outfile]);
  if (code !== 0) throw new Error(`The executable could not be compiled.\n${stdout}${stderr}`);
  return outfile;
}

export async function removeExecutable(): Promise<void> {
  if (compiled !== undefined) rmSync(dirname(await compiled), { recursive: true, force: true });
  compiled = undefined;
}

/** The executable alone: an empty folder that it is started in, an empty home, and nothing on the PATH. */
export interface Box {
  /** Its folder holds nothing else. */
  program: string;
  home: string;
  cwd: string;
  env: Record<string, string>;
  run(words: string[], env?: Record<string, string>): ReturnType<typeof run>;
  serve(words: string[], more?: Pick<ServerOptions, "data" | "env" | "own_group">): Promise<Server>;
  /** Those that a test has left running. */
  stopServers(): Promise<void>;
  remove(): void;
}

export async function box(): Promise<Box> {
  const root = mkdtempSync(join(tmpdir(), "ingle-box-"));
  const [folder, home, cwd] = ["program", "home", "cwd"].map((name) => join(root, name)) as [string, string, string];
  for (const path of [folder, home, cwd]) mkdirSync(path);
  const program = join(folder, "ingle");
  copyFileSync(await executable(), program);
  const env = {
    INGLE_ADAPTER: "auto",
    HOME: home,
    PATH: join(root, "nothing"),
    XDG_CACHE_HOME: "",
    XDG_CONFIG_HOME: "",
    XDG_DATA_HOME: "",
    NODE_PATH: "",
  };
  const servers: Server[] = [];
  return {
    ...{ program, home, cwd, env },
    run: (words, more) => run([program, ...words], { env: { ...env, ...more }, cwd }),
    async serve(words, { data = join(home, "data"), env: more, ...options } = {}) {
      const server = await startProgram([program], words, { ...options, data, cwd, env: { ...env, ...more } });
      servers.push(server);
      return server;
    },
    async stopServers() {
      for (const server of servers.splice(0)) await server.stop("SIGKILL");
    },
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}
