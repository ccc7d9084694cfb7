// The model that is advised: the best of the catalogue for this memory, and how fast it would be.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "bun:test";
import { answerSpeed } from "../../adapters/auto/answer-speed.ts";
import { syntheticBytes, writeSyntheticModel } from "../../adapters/auto/synthetic-model.ts";
import { readGgufFile } from "../../models/gguf/header.ts";
import { chooseBest } from "../../src/cli/better-model.ts";
import { makeModel } from "../support/app.ts";
import { PROGRAM, run, RUNTIME } from "../support/program.ts";
import { eventually, startServer } from "../support/server.ts";
import { tinyGguf } from "../support/tiny-gguf.ts";

const SLOW = 120_000;
const folder = mkdtempSync(join(tmpdir(), "ingle-better-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the best model", () => {
  const listed = (
    id: string,
    size: number,
    needed: number,
    place: "card" | "memory" | null = "memory",
    tokens_per_second?: number,
  ) => ({
    ...{ id, state: "available", capabilities: ["chat"], metadata: { size } },
    fit: {
      needed_bytes: needed,
      available_bytes: 16e9,
      fits: place !== null,
      place,
      context: 8_192,
      slots: 4,
      largest_context: 0,
      ...(tokens_per_second && { tokens_per_second }),
    },
  });
  test.each([
    [
      "is the largest that takes half of the memory at most",
      [listed("a", 2e9, 5e9), listed("b", 4e9, 7e9), listed("c", 7e9, 12e9)],
      "b",
    ],
    ["is the largest that lies on a card whole", [listed("a", 2e9, 1e9, "card"), listed("b", 4e9, 7e9)], "a"],
    ["is the smallest where none leaves half", [listed("a", 7e9, 9e9), listed("b", 9e9, 12e9)], "a"],
    [
      "is none that writes more slowly than people read",
      [listed("a", 2e9, 3e9, "memory", 8), listed("b", 4e9, 5e9, "memory", 4)],
      "a",
    ],
    ["is the largest where all are slow", [listed("a", 2e9, 3e9, "memory", 3), listed("b", 4e9, 5e9, "memory", 1.5)], "b"],
    ["is none where none fits", [listed("a", 7e9, 99e9, null)], undefined],
  ])("%s", (_, models, best) => {
    expect(chooseBest(models)?.id).toBe(best as string);
  });
});

describe("how fast a model writes", () => {
  const timed = (decode: number) => ({ adapter: "one", tuning: { threads: 2 }, score: 7, decode });
  const ranking = (type: string) => (type === "Q4_K" ? { engines: [timed(40)], dead: new Map() } : undefined);
  const model = makeModel("m", { files: [{ name: "m-Q4_K_M.gguf", sources: [] }], metadata: { size: 2.5e9 } });

  test("follows from the bytes that an engine took from memory in a second, where it was timed with such weights", () => {
    const bytes = syntheticBytes("Q4_K")!;
    expect(answerSpeed(model, "one", ranking)).toBeCloseTo((40 * bytes) / 2.5e9);
    expect(answerSpeed({ ...model, metadata: { size: 5e9 } }, "one", ranking)).toBeCloseTo((40 * bytes) / 5e9);
    expect(answerSpeed({ ...model, weight_type: "Q8_0" }, "one", ranking)).toBeUndefined();
    expect(answerSpeed(model, "two", ranking)).toBeUndefined();
    expect(answerSpeed({ ...model, metadata: {} }, "one", ranking)).toBeUndefined();
    expect(answerSpeed({ ...model, files: [] }, "one", ranking)).toBeUndefined();
  });

  test("is reckoned with the weights that the timed model has", async () => {
    const path = join(folder, "synthetic.gguf");
    await writeSyntheticModel(path, "Q4_K", AbortSignal.timeout(SLOW));
    const { tensor_bytes } = await readGgufFile(path);
    // All but the norms, which are a few vectors.
    expect(tensor_bytes - syntheticBytes("Q4_K")!).toBeWithin(1, 200_000);
  });
});

const ADVICE = /For real answers: "[^"]*pull [\w.-]+", [\d.]+ [MG]B/;

test(
  "the start of a server and a conversation name it, once, where there is only the model for trying things out",
  async () => {
    const data = join(folder, "data");
    const env = { INGLE_DATA: data };
    const tiny = join(folder, "tiny.gguf");
    writeFileSync(tiny, tinyGguf({ template: "{{ messages }}" }));
    const ingle = (...words: string[]) => run([...PROGRAM, ...words], { env });
    expect((await ingle("pull", tiny, "--id", "smollm2-135m-instruct")).code).toBe(0);
    const { stderr } = await ingle("run", "smollm2-135m-instruct", "hi", "--max-tokens", "1");
    expect(stderr).toContain("smollm2-135m-instruct is for trying things out: it is small, and often wrong. For real answers: ");
    expect(stderr).toMatch(ADVICE);
    const server = await startServer(RUNTIME, [], { data });
    try {
      await eventually("the advice", () => server.stdout.some((line) => ADVICE.test(line)));
      const said = () => server.stderr.filter((line) => line.includes("is for trying things out"));
      expect(said()).toEqual([]);
      const load = { model: "smollm2-135m-instruct", messages: [{ role: "user", content: "hi" }], max_tokens: 1 };
      expect((await server.chat(load)).status).toBe(200);
      await eventually("the line of the log", () => said().length === 1);
      const other = { method: "POST", headers: { "content-type": "application/json" }, body: "{}" };
      for (const what of ["stop", "start"])
        expect((await fetch(`${server.url}/v1/models/smollm2-135m-instruct/${what}`, other)).status).toBe(200);
      expect(said()).toHaveLength(1);
    } finally {
      await server.stop();
    }
  },
  SLOW,
);
