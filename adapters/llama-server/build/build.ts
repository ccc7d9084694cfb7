// Compiles llama-server out of the source that is here already: nothing is fetched.
import { spawn } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { compilerFlags } from "./compiler-flags.ts";
import type { LlamaCppSource } from "./llama-cpp-source.ts";
import { tinyModelFailure } from "./proof.ts";

/** Why there is no binary now; the message is for whoever started the build. */
export class BuildError extends Error {
  override readonly name = "BuildError";
}

export interface BuildStep {
  step: "unpacking" | "configuring" | "compiling" | "trying";
  /** Of compiling, 0 to 100. */
  percent?: number;
}

export interface BuildOptions {
  source: LlamaCppSource;
  /** Absolute path that the binary gets when it is whole. */
  binary: string;
  /** For other machines with the same system too; its libraries lie beside it. */
  portable?: boolean;
  /** Further options of cmake, such as `-DGGML_CUDA=ON`. */
  cmake?: string[] | undefined;
  /** Compilers at a time; absent: one per core. */
  jobs?: number | undefined;
  env: Record<string, string | undefined>;
  signal: AbortSignal;
  /** Why a program does not compute right here; `tinyModelFailure` by default. */
  failureOf?: typeof tinyModelFailure;
}

// The web page, the tests and the way into the internet stay out.
const CMAKE = [
  ...["-DCMAKE_BUILD_TYPE=Release", "-DLLAMA_BUILD_IS_DEV=OFF", "-DLLAMA_OPENSSL=OFF"],
  ...["-DLLAMA_BUILD_TESTS=OFF", "-DLLAMA_BUILD_EXAMPLES=OFF", "-DLLAMA_BUILD_APP=OFF", "-DLLAMA_USE_PREBUILT_UI=OFF"],
];
/** One file for this very processor, which depends on nothing but the system's own libraries. */
const ONE_FILE = ["-DBUILD_SHARED_LIBS=OFF"];
/**
 * The computation is compiled for each generation of processors, as a library each, and the best one is chosen when it starts. What the
 * compiler brings is linked in, but for the C library: it must be as new as the one here.
 */
const PORTABLE = [
  ...["-DBUILD_SHARED_LIBS=ON", "-DGGML_NATIVE=OFF", "-DGGML_BACKEND_DL=ON", "-DGGML_CPU_ALL_VARIANTS=ON", "-DGGML_OPENMP=OFF"],
  ...["-DCMAKE_PLATFORM_NO_VERSIONED_SONAME=ON", "-DCMAKE_BUILD_RPATH_USE_ORIGIN=ON"],
  ...(process.platform === "linux"
    ? ["EXE", "SHARED", "MODULE"].map((kind) => `-DCMAKE_${kind}_LINKER_FLAGS=-static-libgcc -static-libstdc++ -s`)
    : []),
];
const MOST_OUTPUT = 20_000;

/**
 * Builds beside the place where the binary is to be, and moves it there when it has computed right: a build that is cut off leaves nothing
 * that could be taken for a binary. Throws `BuildError`, and the signal's reason.
 */
export async function* buildLlamaServer(options: BuildOptions): AsyncGenerator<BuildStep> {
  const { source, binary, portable = false, cmake = [], jobs = availableParallelism(), signal } = options;
  const { failureOf = tinyModelFailure } = options;
  const env = withoutGit(options.env);
  await checkTools(env);
  await mkdir(dirname(binary), { recursive: true });
  const folder = await mkdtemp(join(dirname(binary), "build-"));
  const run = (program: string, ...args: string[]) => running(program, args, { cwd: folder, env, signal });
  const accepts = (compiler: string, flag: string): Promise<boolean> => {
    const [program = "", ...args] = compiler.split(" ");
    return quietly(run(program, ...args, flag, "-fsyntax-only", "-x", "c", "/dev/null")).then(
      () => true,
      () => false,
    );
  };
  try {
    yield { step: "unpacking" };
    await quietly(run("git", "-c", "advice.detachedHead=false", "clone", "--quiet", source.bundle, "source"));
    yield { step: "configuring" };
    const settings = [...CMAKE, ...(portable ? PORTABLE : ONE_FILE), ...cmake];
    Object.assign(env, await compilerFlags(folder, env, accepts));
    await quietly(run("cmake", "-S", "source", "-B", "build", ...settings));
    yield { step: "compiling", percent: 0 };
    for await (const line of run("cmake", "--build", "build", "--target", "llama-server", "--parallel", String(jobs))) {
      const percent = /^\[ *(\d+)%\]/.exec(line)?.[1];
      if (percent !== undefined) yield { step: "compiling", percent: Number(percent) };
    }
    const built = join(folder, "build/bin");
    const names = portable ? (await readdir(built)).filter((name) => /\.(so|dylib)$/.test(name)) : [];
    const whole = join(folder, "whole");
    await mkdir(whole);
    for (const name of [...names, "llama-server"]) await copyFile(join(built, name), join(whole, name));
    yield { step: "trying" };
    await quietly(run(join(whole, "llama-server"), "--version"));
    const failure = await failureOf(join(whole, "llama-server"), env);
    signal.throwIfAborted();
    if (failure !== undefined) throw new BuildError(`The llama-server that was built does not compute right: ${failure}.`);
    // The program last: it is what says that all is there.
    for (const name of [...names, "llama-server"]) await rename(join(whole, name), join(dirname(binary), name));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Each tool is one of these names. */
const TOOLS = [["git"], ["cmake"], ["c++", "g++", "clang++"], ["make", "ninja", "gmake"]];

/** Throws `BuildError` that names what is missing, and how to get it. */
export async function checkTools({ PATH = "" }: BuildOptions["env"]): Promise<void> {
  const has = async (name: string): Promise<boolean> => {
    const found = PATH.split(delimiter).map((folder) => stat(join(folder, name)).catch(() => undefined));
    return (await Promise.all(found)).some((stats) => stats?.isFile());
  };
  const missing: string[] = [];
  for (const names of TOOLS) if (!(await Promise.all(names.map(has))).includes(true)) missing.push(names[0]!);
  if (missing.length === 0) return;
  throw new BuildError(
    `Building needs ${missing.join(", ")}, which ${missing.length === 1 ? "is" : "are"} not here. On Debian and Ubuntu: ` +
      "apt-get install git cmake g++ make. On macOS: xcode-select --install, and cmake.",
  );
}

/** A git hook sets variables that would send git to the repository of the hook. */
function withoutGit(env: BuildOptions["env"]): BuildOptions["env"] {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^GIT_(DIR|WORK_TREE|INDEX_FILE)$/.test(name)));
}

async function quietly(lines: AsyncIterable<string>): Promise<void> {
  for await (const _ of lines);
}

/** The lines of a program. Throws `BuildError` with the last of them where it fails, and the signal's reason once it has ended. */
async function* running(
  program: string,
  args: string[],
  { cwd, env, signal }: { cwd: string; env: BuildOptions["env"]; signal: AbortSignal },
): AsyncGenerator<string> {
  signal.throwIfAborted();
  // A group of its own: the compilers that a build tool has started go with it.
  const child = spawn(program, args, { cwd, env: env as NodeJS.ProcessEnv, stdio: ["ignore", "pipe", "pipe"], detached: true });
  const stop = (): void => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {
      // All of them have ended.
    }
  };
  signal.addEventListener("abort", stop, { once: true });
  let output = "";
  let failure: Error | undefined;
  child.on("error", (error) => (failure = error));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output = (output + text).slice(-MOST_OUTPUT)));
  const ended = new Promise<number | null>((done) => child.on("close", done));
  try {
    let rest = "";
    for await (const text of child.stdout.setEncoding("utf8") as AsyncIterable<string>) {
      output = (output + text).slice(-MOST_OUTPUT);
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      yield* lines;
    }
    const code = await ended;
    signal.throwIfAborted();
    if (code === 0) return;
    const last = output.trimEnd().split("\n").slice(-15).join("\n");
    throw new BuildError(`${program} failed (${failure?.message ?? `code ${code}`}). The last that was said:\n${last}`);
  } finally {
    signal.removeEventListener("abort", stop);
    stop();
  }
}
