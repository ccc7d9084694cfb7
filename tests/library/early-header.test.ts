// A file that is no model, as its download finds out: by its header, while the rest of it never comes.
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { errorOf, makeApp } from "../support/app.ts";
import { createMemoryEstimator } from "../../src/inference/memory-estimator.ts";
import { framesOf } from "../support/frames.ts";
import { type Hub, startHub } from "../support/hub.ts";
import { splitKeys, tinyGguf } from "../support/tiny-gguf.ts";

const HERE = 4 << 20;
const ADAPTER = tinyGguf({ type: "adapter" });
const PART = tinyGguf({ keys: splitKeys(1, 3) });
let hub: Hub;
let root = "";
beforeAll(async () => {
  hub = await startHub();
  root = mkdtempSync(join(tmpdir(), "ingle-early-"));
});
afterAll(() => {
  hub.close();
  rmSync(root, { recursive: true });
});

const sized = (bytes: Uint8Array, size: number) => Buffer.concat([bytes, randomBytes(size - bytes.length)]);

describe.each([
  ["in the server's thread", 8 << 20],
  ["in a thread of its own", 24 << 20],
])("%s", (_, size) => {
  test.each([
    ["an adapter", ADAPTER, { size }, "The file is an adapter (LoRA), which changes a model, and no model."],
    ["an adapter of unknown size", ADAPTER, {}, "The file is an adapter (LoRA), which changes a model, and no model."],
    ["a part without its name", PART, { size }, "The file is the first of 3 parts of a model"],
  ])("%s is refused by its header", async (_, bytes, known, why) => {
    hub.put("/m.gguf", sized(bytes, size));
    hub.set("/m.gguf", { kind: "stall", at: HERE });
    const weights = mkdtempSync(join(root, "w-"));
    const made = makeApp({ models: [], weights, allow_private: true, download: { allow_private: true } });
    await made.post("/v1/models", { source_url: `${hub.url}/m.gguf`, id: "m", ...known, download: true });
    const events = await framesOf(await made.request("/v1/models/download/m/events"));
    expect(events.data.at(-1)).toMatchObject({ state: "failed", error: { message: expect.stringContaining(why) } });
    expect(await made.store.models.ids()).toEqual([]);
  });
});

test("whether it fits is answered by what the file is", async () => {
  hub.put("/m.gguf", sized(ADAPTER, HERE));
  hub.set("/m.gguf");
  const made = makeApp({
    models: [],
    weights: mkdtempSync(join(root, "w-")),
    allow_private: true,
    estimator: createMemoryEstimator({ slots: 1, budget: () => 1e9 }),
    fetchRemoteFacts: (id, signal) => made.library.fetchRemoteFacts(id, { allow_private: true }, signal),
  });
  await made.post("/v1/models", { source_url: `${hub.url}/m.gguf`, id: "m" });
  const refused = await errorOf(await made.request("/v1/models/m?fit=true"));
  expect(refused).toMatchObject({ status: 400, param: "model_id" });
  expect(refused.message).toContain('The model "m" cannot be used. The file is an adapter (LoRA)');
});
