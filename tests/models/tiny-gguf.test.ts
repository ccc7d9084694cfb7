import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runtimes } from "../support/runtimes.ts";
import { corpus, tinyGguf } from "../support/tiny-gguf.ts";

const node = runtimes().find(({ name }) => name === "node");

// In a process of its own: a file the engine dislikes may abort the process it is loaded in.
const LOAD = `
  const { getLlama } = await import(process.env.ENGINE);
  const llama = await getLlama({ gpu: false, build: "never", skipDownload: true, progressLogs: false, maxThreads: 1 });
  const model = await llama.loadModel({ modelPath: process.env.MODEL });
  const context = await model.createContext({ contextSize: 64, threads: 1 });
  const answer = [];
  for await (const token of context.getSequence().evaluate(model.tokenize("hello world"), { temperature: 0 })) {
    answer.push(token);
    if (answer.length === 3) break;
  }
  console.log(JSON.stringify({ trained: model.trainContextSize, answer }));
  process.exit(0);
`;

describe("tinyGguf", () => {
  test("is 474,016 bytes without a template, the same every time", () => {
    expect(tinyGguf()).toHaveLength(474_016);
    expect(tinyGguf()).toEqual(tinyGguf());
  });

  test("carries a template, a context length and a mutation", () => {
    const template = "{{ messages[0].content }}";
    const bytes = tinyGguf({ template, context_length: 128, mutate: (file) => file.set([0x21], 0) });
    expect(Buffer.from(bytes).includes(template)).toBe(true);
    expect(bytes[0]).toBe(0x21);
    const value = Buffer.from(bytes).indexOf("llama.context_length") + "llama.context_length".length + 4;
    expect(new DataView(bytes.buffer).getUint32(value, true)).toBe(128);
  });

  test.skipIf(!node?.command.length)(`loads in node-llama-cpp and generates ${node?.skip ?? ""}`, () => {
    const folder = mkdtempSync(join(tmpdir(), "ingle-tiny-"));
    try {
      const path = join(folder, "tiny.gguf");
      writeFileSync(path, tinyGguf({ context_length: 256 }));
      // A file, as the engine tests its binary in a fork, which would inherit an --eval.
      const script = join(folder, "load.mjs");
      writeFileSync(script, LOAD);
      const [binary = "", ...flags] = node?.command ?? [];
      const env = { ...process.env, MODEL: path, ENGINE: import.meta.resolve("node-llama-cpp") };
      const { stdout, stderr } = spawnSync(binary, [...flags, script], { env, encoding: "utf8" });
      expect(stdout, stderr).toContain('"trained":256');
      const { answer } = JSON.parse(stdout.slice(stdout.indexOf('{"trained"'))) as { answer: number[] };
      expect(answer).toHaveLength(3);
      for (const token of answer) expect(token).toBeWithin(0, 268);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("corpus", () => {
  test("names every file once, and none of them is the whole model", () => {
    const files = corpus();
    const whole = Buffer.from(tinyGguf());
    expect(new Set(files.map(({ name }) => name)).size).toBe(files.length);
    for (const { name, bytes } of files) expect(whole.equals(bytes), name).toBe(false);
  });

  test("puts the far offset into the info of a tensor, not somewhere else", () => {
    const whole = tinyGguf();
    const far = corpus().find(({ name }) => name === "tensor offset 2^40")?.bytes ?? whole;
    const changed = [...whole.keys()].filter((at) => whole[at] !== far[at]);
    // Of the old offset's three bytes one was 0 already; the sixth now is 1.
    expect(changed.map((at) => far[at])).toEqual([0, 0, 1]);
  });
});
