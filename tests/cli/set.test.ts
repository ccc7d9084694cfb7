// `ingle set`: its words become options of a record, and wrong ones are refused before anything is asked.
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { PROGRAM, run, type RunOptions } from "../support/program.ts";
import { tinyGguf } from "../support/tiny-gguf.ts";
import { tinyLora } from "../support/tiny-lora.ts";

const SLOW = 300_000;
const root = realpathSync(mkdtempSync(join(tmpdir(), "ingle-set-")));
const files = join(root, "files");
const ingle = (words: string[], options: RunOptions = {}) =>
  run([...PROGRAM, ...words], { cwd: files, ...options, env: { INGLE_DATA: join(root, "data") } });

beforeAll(async () => {
  mkdirSync(files);
  writeFileSync(join(files, "mine.gguf"), tinyGguf({ head_count: 2 }));
  for (const name of ["one.gguf", "two.gguf"]) writeFileSync(join(files, name), tinyLora());
  expect((await ingle(["pull", "./mine.gguf"])).code).toBe(0);
}, SLOW);
afterAll(() => rmSync(root, { recursive: true }));

describe("the words of ingle set", () => {
  test(
    "become options, which show has, and default takes them back",
    async () => {
      const lora = `${join(files, "one.gguf")},${join(files, "two.gguf")}=-0.5`;
      const words = ["--gpu-layers", "3", "--cache-type-k=q8_0", "--flash-attention", "on", "--lora", "one.gguf,./two.gguf=-0.5"];
      expect(await ingle(["set", "mine", "--adapter", "node-llama-cpp", ...words])).toEqual({
        code: 0,
        stdout: `mine is run by node-llama-cpp, gpu-layers 3, cache-type-k q8_0, flash-attention on, lora ${lora}.\n`,
        stderr: "",
      });
      expect((await ingle(["show", "mine"])).stdout).toMatch(
        new RegExp(`^Options +gpu-layers 3, cache-type-k q8_0, flash-attention on, lora ${RegExp.escape(lora)}$`, "m"),
      );
      const back = ["gpu-layers", "cache-type-k", "flash-attention", "lora"].map((name) => `--${name}=default`);
      expect((await ingle(["set", "mine", ...back])).stdout).toBe("mine is run by node-llama-cpp, without options.\n");
      expect((await ingle(["show", "mine"])).stdout).not.toContain("Options");
    },
    SLOW,
  );

  test.each<[words: string[], code: number, sentence: string]>([
    [[], 2, 'Nothing is to be changed. "ingle set --help" lists what can be.'],
    [["--gpu-layers", "all"], 2, '"--gpu-layers" is "all". It must be a number, or "default".'],
    [["--flash-attention", "maybe"], 2, '"--flash-attention" is "maybe". It must be on, off or "default".'],
    [["--cache-type-k", "q9"], 1, '"adapter_options.cache_type_k" is "q9".'],
    [["--rope-factor", "2"], 1, "Set that to linear or yarn, or leave this out."],
    [["--lora", "gone.gguf"], 1, `There is no file ${JSON.stringify(join(files, "gone.gguf"))}.`],
    [["--adapter", "echo"], 1, '"adapter" is "echo".'],
  ])(
    "%j is refused",
    async (words, code, sentence) => {
      const ended = await ingle(["set", "mine", ...words]);
      expect(ended).toMatchObject({ code, stdout: "" });
      expect(ended.stderr).toContain(sentence);
    },
    SLOW,
  );
});
