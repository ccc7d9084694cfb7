// The model with which engines are timed: whole files of all types of weights, and an answer that does not end by itself.
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeSyntheticModel } from "../../../adapters/auto/synthetic-model.ts";
import { hasWeightBlocks } from "../../../adapters/auto/weight-blocks.ts";
import { readGgufFile } from "../../../models/gguf/header.ts";
import { nodeLlamaCpp } from "../../../adapters/node-llama-cpp/adapter.ts";
import { TENSOR_TYPES } from "../../../models/gguf/tensor-types.ts";
import { thrownBy } from "../../support/model-pool.ts";
import { askTokens } from "../../support/models.ts";

const path = join(mkdtempSync(join(tmpdir(), "ingle-synthetic-")), "synthetic.gguf");
const never = new AbortController().signal;

test("a file of each type is whole, and its weights are of that type", async () => {
  const types = Object.values(TENSOR_TYPES).map(({ name }) => name);
  const known = types.filter(hasWeightBlocks);
  expect(known.length).toBeGreaterThan(20);
  for (const type of known) {
    await writeSyntheticModel(path, type, never);
    expect(await readGgufFile(path)).toMatchObject({ architecture: "llama", weight_type: type, exact: true });
  }
  for (const type of types.filter((each) => !known.includes(each)))
    expect(await thrownBy(writeSyntheticModel(path, type, never))).toBeInstanceOf(TypeError);
  rmSync(path);
});

test("an answer of it goes on until it is long enough", async () => {
  await writeSyntheticModel(path, "Q4_K", never);
  const engine = await nodeLlamaCpp().load(
    { id: "synthetic", path, settings: {} },
    { slots: 1, context: 256, threads: 1 },
    never,
  );
  try {
    const events = [];
    for await (const event of engine.generate(askTokens([300, 400, 500], { max_tokens: 24 }), never)) events.push(event);
    expect(events.at(-1)).toMatchObject({ type: "finish", reason: "length", usage: { completion_tokens: 24 } });
    expect(events.length).toBeGreaterThan(12);
  } finally {
    await engine.close();
    rmSync(path);
  }
});
