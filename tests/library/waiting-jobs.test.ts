// A job that waits before another try: what is said of it, and that it can be stopped, removed and begun anew amid the pause.
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test } from "bun:test";
import type { DownloadEvent } from "../../src/library/download-event.ts";
import { errorOf, makeApp } from "../support/app.ts";
import { frameReader, framesOf } from "../support/frames.ts";
import { startHub } from "../support/hub.ts";
import { eventually } from "../support/server.ts";
import { tinyGguf } from "../support/tiny-gguf.ts";

const BYTES = tinyGguf();
const PATH = "/m.gguf";
const root = mkdtempSync(join(tmpdir(), "ingle-waiting-"));
const hub = await startHub({ [PATH]: BYTES });
afterAll(() => {
  hub.close();
  rmSync(root, { recursive: true });
});

let made: ReturnType<typeof makeApp>;
let weights = "";
const events = () => made.request("/v1/models/download/m/events");
const add = () => made.post("/v1/models", { source_url: hub.url + PATH, id: "m", size: BYTES.length, download: true });
const state = async () => ((await (await made.request("/v1/models/m")).json()) as { state?: string }).state;
const last = async () => (await framesOf(await events())).data.at(-1) as DownloadEvent;
const parts = (): string[] => readdirSync(join(weights, "m")).filter((name) => name.endsWith(".part"));

/** Half of the file is here, and the source answers 503 with the wish to be asked in an hour. */
beforeEach(async () => {
  weights = mkdtempSync(join(root, "w-"));
  made = makeApp({ models: [], weights, allow_private: true });
  hub.set(PATH, { kind: "stall", at: 200_000 });
  await add();
  await eventually("half is here", () => existsSync(join(weights, "m")) && parts().length === 1);
  await made.request("/v1/models/download/m", { method: "DELETE" });
  hub.set(PATH, { kind: "status", status: 503, retry_after: "3600" });
  await made.post("/v1/models/download/m", {});
  await eventually("it waits", async () => (await state()) === "waiting");
});

test("says why and until when; the model is not ready", async () => {
  const reader = frameReader(await events());
  const event = (await reader.next().finally(reader.cancel)) as DownloadEvent;
  expect(event).toMatchObject({ state: "waiting", problem: expect.stringContaining("It answered 503.") });
  expect(event.retry_at).toBeGreaterThan(1_700_000_000 + 3_500);
  expect(await errorOf(await made.chat({ model: "m" }))).toMatchObject({ status: 409, code: "model_not_ready" });
  await made.downloads.close();
});

test("a deletion of its model ends it at once, and nothing is left", async () => {
  expect((await made.request("/v1/models/m", { method: "DELETE" })).status).toBe(200);
  expect((await made.request("/v1/models/m")).status).toBe(404);
  expect(existsSync(join(weights, "m"))).toBe(false);
  hub.set(PATH);
  await add();
  expect(await last()).toMatchObject({ state: "done", bytes: BYTES.length });
});

test("a stop ends it at once and keeps its part, from where the next one goes on", async () => {
  expect((await made.request("/v1/models/download/m", { method: "DELETE" })).status).toBe(200);
  expect(await last()).toMatchObject({ state: "cancelled" });
  expect(parts()).toHaveLength(1);
  hub.set(PATH);
  await made.post("/v1/models/download/m", {});
  const { state, resumed_from = 0 } = await last();
  expect([state, resumed_from > 100_000]).toEqual(["done", true]);
});
