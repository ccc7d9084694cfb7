// Whether a llama-server computes: a tiny quantised model says so, and what it said is remembered.
import { describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { computeFailure, refuseBrokenBuild } from "../../adapters/llama-server/build/proof.ts";
import { tinyQuantisedModel } from "../../adapters/llama-server/build/tiny-model.ts";
import { readGgufFile } from "../../models/gguf/header.ts";
import { realServer } from "../support/llama-server-binary.ts";
import { thrownBy } from "../support/model-pool.ts";

const FAKE = join(import.meta.dirname, "../support/fake-llama-server.ts");

/** A machine with an empty cache, and a program in it that notes each of its starts. */
function machine(text: string, fault = "") {
  const cache = mkdtempSync(join(tmpdir(), "ingle-cache-"));
  const starts = join(cache, "starts");
  const program = join(cache, "ingle/llama-server");
  mkdirSync(join(cache, "ingle"));
  const write = (script: string): void => {
    writeFileSync(program, `#!/bin/sh\necho >> ${starts}\n${script}\n`);
    chmodSync(program, 0o755);
  };
  write(text);
  const env = { ...process.env, XDG_CACHE_HOME: cache, GGML_FAKE: fault };
  const started = (): number => readFileSync(starts, "utf8").length;
  return { cache, program, env, started, write };
}

const WORKS = `exec "${process.execPath}" "${FAKE}" "$@"`;
const DIES = "kill -ILL $$";

test("the tiny model is one of 78 KB whose weights are Q8_0", async () => {
  const bytes = tinyQuantisedModel();
  expect(bytes.length).toBe(78_144);
  const path = join(mkdtempSync(join(tmpdir(), "ingle-tiny-")), "tiny.gguf");
  writeFileSync(path, bytes);
  expect(await readGgufFile(path)).toMatchObject({ architecture: "llama", context_length: 512, quantization: "Q8_0" });
});

describe("a llama-server", () => {
  test("that answers alike with and without its special kernels computes right", async () => {
    const { program, env } = machine(WORKS);
    expect(await computeFailure(program, env)).toBeUndefined();
  });
  test("that dies of an illegal instruction does not", async () => {
    const { program, env } = machine(DIES);
    expect(await computeFailure(program, env)).toBe("it ended with signal SIGILL");
  });
  test("whose special kernels compute other numbers does not", async () => {
    const { program, env } = machine(WORKS, "computes wrong");
    expect(await computeFailure(program, env)).toBe("its kernels for this processor compute other numbers");
  });
  test("that does not know the option for plain kernels is taken at its word", async () => {
    const { program, env } = machine(`case "$*" in *--no-repack*) exit 1;; esac; ${WORKS}`);
    expect(await computeFailure(program, env)).toBeUndefined();
  });
});

describe("what was found", () => {
  test("is remembered for this program until it changes", async () => {
    const { program, env, started } = machine(WORKS);
    await computeFailure(program, env);
    expect(started()).toBe(2);
    await computeFailure(program, env);
    expect(started()).toBe(2);
    await computeFailure(program, env, { again: true });
    expect(started()).toBe(4);
    utimesSync(program, 1, 1);
    await computeFailure(program, env);
    expect(started()).toBe(6);
  });
  test("is forgotten where a program stops computing", async () => {
    const { program, env, write } = machine(WORKS);
    expect(await computeFailure(program, env)).toBeUndefined();
    write(DIES);
    utimesSync(program, 1, 1);
    expect(await computeFailure(program, env)).toContain("SIGILL");
    expect(await computeFailure(program, env)).toContain("SIGILL");
    write(WORKS);
    expect(await computeFailure(program, env)).toBeUndefined();
  });
});

describe("before its first use", () => {
  test("a build of ingle's own that dies is refused, with the way out", async () => {
    const { program, env } = machine(DIES);
    const { message } = await thrownBy(refuseBrokenBuild(program, env));
    expect(message).toBe(
      `The llama-server at ${program} does not compute right on this processor: it ended with signal SIGILL. ` +
        'Build it anew with "ingle engine build llama-server", or name another with --llama-server.',
    );
  });
  test("a build of ingle's own that computes is tried once", async () => {
    const { program, env, started } = machine(WORKS);
    await refuseBrokenBuild(program, env);
    await refuseBrokenBuild(program, env);
    expect(started()).toBe(2);
  });
  test("another program is taken as it is", async () => {
    const { program } = machine(DIES);
    const elsewhere = machine(WORKS).env;
    expect(await refuseBrokenBuild(program, elsewhere)).toBeUndefined();
  });
});

const { path, skip } = await realServer();
test.skipIf(path === undefined)(`the llama-server of this machine computes right${skip ? ` (${skip})` : ""}`, async () => {
  const { env } = machine(WORKS);
  expect(await computeFailure(path!, env)).toBeUndefined();
});
