// `ingle engine build`: what becomes of it where tools are missing, fail or are interrupted. The real compilers are the build machine's.
import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BuildError, buildLlamaServer, type BuildStep } from "../../adapters/llama-server/build/build.ts";
import { cachedBinary } from "../../adapters/llama-server/build/cached-build.ts";
import { tinyModelFailure } from "../../adapters/llama-server/build/proof.ts";
import { carriedSource } from "../../adapters/llama-server/build/llama-cpp-source.ts";

const never = (): AbortSignal => new AbortController().signal;
const source = carriedSource();

/** A folder of tools: the machine's own git, and a cmake that is the script. */
function tools(cmake: string): string {
  const folder = mkdtempSync(join(tmpdir(), "ingle-tools-"));
  for (const name of ["git", "sh", "sleep", "mkdir", "cat", "chmod"]) symlinkSync(Bun.which(name)!, join(folder, name));
  for (const name of ["c++", "make"]) writeFileSync(join(folder, name), "#!/bin/sh\n");
  writeFileSync(join(folder, "cmake"), `#!/bin/sh\n${cmake}\n`);
  for (const name of ["c++", "make", "cmake"]) chmodSync(join(folder, name), 0o755);
  return folder;
}

const computes = async (): Promise<undefined> => undefined;

async function build(cmake: string, signal = never(), portable = false, failureOf = computes as typeof tinyModelFailure) {
  const cache = mkdtempSync(join(tmpdir(), "ingle-cache-"));
  const env = { PATH: tools(cmake), XDG_CACHE_HOME: cache, HOME: cache };
  const binary = cachedBinary(source.release, env);
  const steps: BuildStep[] = [];
  let error: unknown;
  try {
    const cmakeOptions = { jobs: 3, cmake: ["-DGGML_CUDA=ON"] };
    const options = { source, binary, portable, env, signal, failureOf, ...cmakeOptions };
    for await (const step of buildLlamaServer(options)) steps.push(step);
  } catch (thrown) {
    error = thrown;
  }
  return { binary, steps, error, left: readdirSync(join(binary, "..")) };
}

test("the source of llama.cpp is here, of the release that the embedded engine runs", () => {
  expect(source.release).toMatch(/^v?\w[\w.]*$/);
  expect(readFileSync(source.bundle).subarray(0, 15).toString()).toBe("# v2 git bundle");
});

describe("a build", () => {
  // Writes down its arguments and flags, and makes a binary that runs.
  const GOOD = `if [ "$1" = --build ]; then
    mkdir -p build/bin; echo "[  7%] Building a"; echo "[100%] Linking b"; echo "$@" >> asked
    { echo '#!/bin/sh'; echo "#" $(cat asked); } > build/bin/llama-server; chmod 755 build/bin/llama-server
  else test -f source/CMakeLists.txt || exit 9; echo "$@" "$CXXFLAGS" > asked; fi`;

  test("ends with a binary in its place and nothing else", async () => {
    const { binary, steps, error, left } = await build(GOOD);
    expect(error).toBeUndefined();
    expect(steps).toEqual([
      { step: "unpacking" },
      { step: "configuring" },
      { step: "compiling", percent: 0 },
      { step: "compiling", percent: 7 },
      { step: "compiling", percent: 100 },
      { step: "trying" },
    ]);
    expect(left).toEqual(["llama-server"]);
    const asked = readFileSync(binary, "utf8");
    expect(asked).toContain("-DGGML_CUDA=ON");
    expect(asked).toContain("--parallel 3");
    if (process.arch === "x64") expect(asked).toMatch(/-include "\/.*\/tile-config.h" -mno-avx512fp16/);
  });

  test("for other machines too ends with its libraries beside the binary", async () => {
    const libraries = GOOD.replace(
      "echo '#!/bin/sh'",
      "echo one > build/bin/libone.so; echo x > build/bin/other; echo '#!/bin/sh'",
    );
    const { binary, error, left } = await build(libraries, never(), true);
    expect(error).toBeUndefined();
    expect(left.sort()).toEqual(["libone.so", "llama-server"]);
    const asked = readFileSync(binary, "utf8");
    for (const option of ["-DGGML_CPU_ALL_VARIANTS=ON", "-DGGML_NATIVE=OFF", "-DGGML_CUDA=ON"]) expect(asked).toContain(option);
  });

  test("that fails says why and leaves nothing", async () => {
    const { error, left } = await build(`echo "CMake Error: no CUDA here" >&2; exit 1`);
    expect(error).toBeInstanceOf(BuildError);
    expect((error as Error).message).toContain("cmake failed (code 1)");
    expect((error as Error).message).toContain("no CUDA here");
    expect(left).toEqual([]);
  });

  test("whose binary does not run leaves nothing", async () => {
    const { error, left } = await build(GOOD.replace("echo '#!/bin/sh'", "echo '#!/bin/sh'; echo 'exit 3'"));
    expect((error as Error).message).toContain("failed (code 3)");
    expect(left).toEqual([]);
  });

  test("whose binary dies with a quantised model leaves nothing", async () => {
    const dies = GOOD.replace("echo '#!/bin/sh'", () => `echo '#!/bin/sh'; echo 'test "$1" = --version || kill -ILL $$'`);
    const { error, left } = await build(dies, never(), false, tinyModelFailure);
    expect(error).toBeInstanceOf(BuildError);
    expect((error as Error).message).toBe("The llama-server that was built does not compute right: it ended with signal SIGILL.");
    expect(left).toEqual([]);
  });

  test("that is interrupted ends with all its processes and leaves nothing", async () => {
    const stop = new AbortController();
    const alive = join(mkdtempSync(join(tmpdir(), "ingle-alive-")), "alive");
    const asked = build(`(sleep 2; echo > ${alive}) & echo "[  1%] Building a"; sleep 60`, stop.signal);
    setTimeout(() => stop.abort(new Error("Ctrl-C")), 1_000);
    const { error, left } = await asked;
    expect((error as Error).message).toBe("Ctrl-C");
    expect(left).toEqual([]);
    await Bun.sleep(2_000);
    expect(existsSync(alive)).toBe(false);
  });

  test("without its tools names those that are missing", async () => {
    const steps = buildLlamaServer({ source, binary: "/nowhere/llama-server", env: { PATH: "/nowhere" }, signal: never() });
    const error = (await steps.next().catch((thrown: unknown) => thrown)) as Error;
    expect(error.message).toContain("git, cmake, c++, make, which are not here");
  });
});
