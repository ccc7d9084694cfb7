// The back-off after a load that failed: its reason and length, and how it ends: in time, by another file, by a start.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "bun:test";
import { AdapterError } from "../../adapters/adapter.ts";
import { makeApp, makeModel } from "../support/app.ts";
import { makePool, never, thrownBy } from "../support/model-pool.ts";
import { fakeAdapter } from "../support/fake-adapter.ts";

const failure = new AdapterError("model_load_failed", "The file is damaged.");

const folder = mkdtempSync(join(tmpdir(), "ingle-rest-"));
afterAll(() => rmSync(folder, { recursive: true }));

type Made = ReturnType<typeof makePool>;

/** A chat whose load fails. */
async function failOnce(made: Made): Promise<void> {
  const n = made.loads.length;
  const asked = thrownBy(made.chat());
  (await made.load(n)).fail(failure);
  expect(await asked).toBe(failure);
}

async function answersOnce({ chat, loads, load, generations, generation }: Made): Promise<void> {
  const [n, m] = [loads.length, generations.length];
  const asked = chat();
  (await load(n)).succeed();
  (await generation(m)).finish();
  await asked;
}

/** Seconds that are left of the pause. */
async function rests({ chat, loads }: Made): Promise<number> {
  const n = loads.length;
  const error = await thrownBy(chat());
  expect(error).toMatchObject({ status: 500, code: "model_load_failed", param: "model" });
  expect(loads).toHaveLength(n);
  return Number((error as unknown as { headers: Record<string, string> }).headers["retry-after"]);
}

describe("a load that failed", () => {
  test("is answered again with its reason and the time that is left, without another load", async () => {
    const made = makePool({ hold_loads: true });
    await failOnce(made);
    expect(await rests(made)).toBe(5);
    made.clock.ms += 3_001;
    const { message } = await thrownBy(made.chat());
    expect(message).toStartWith('Model "tiny" failed and is not tried again for 2 s; ');
    expect(message).toContain("/v1/models/tiny/start");
    expect(message).toEndWith("The file is damaged.");
  });

  test("makes a longer pause each time, and a first one again after a success", async () => {
    const made = makePool({ hold_loads: true });
    for (const seconds of [5, 15, 60, 300, 300]) {
      await failOnce(made);
      expect(await rests(made)).toBe(seconds);
      made.clock.ms += seconds * 1000;
    }
    await answersOnce(made);
    await made.clock.pass(300_000); // idle until it is unloaded
    await failOnce(made);
    expect(await rests(made)).toBe(5);
  });

  test("counts once for all requests that waited for it", async () => {
    const made = makePool({ hold_loads: true });
    const all = [1, 2, 3].map((seed) => thrownBy(made.chat(seed)));
    (await made.load(0)).fail(failure);
    // The third waited for a slot, and got it after the failure.
    expect(await Promise.all(all)).toMatchObject([failure, failure, { code: "model_load_failed" }]);
    expect(await rests(made)).toBe(5);
  });

  test("may be for a header that cannot be read, which no adapter sees", async () => {
    let reads = 0;
    const need = () => {
      reads++;
      return Promise.reject(failure);
    };
    const made = makePool({ memory: { need, budget: () => 1 } });
    expect(await thrownBy(made.chat())).toBe(failure);
    expect(await rests(made)).toBe(5);
    expect([made.loads.length, reads]).toEqual([0, 1]);
  });

  test("is tried at once when the file has changed", async () => {
    const path = join(folder, "weights.gguf");
    writeFileSync(path, "damaged");
    const made = makePool({ hold_loads: true, resolve: ({ id, settings }) => ({ id, path, settings }) });
    await failOnce(made);
    expect(await rests(made)).toBe(5);
    writeFileSync(path, "repaired");
    await answersOnce(made);
  });

  test("is tried at once by start, and makes a longer pause when that fails too", async () => {
    const made = makePool({ hold_loads: true });
    await failOnce(made);
    const started = thrownBy(made.pool.start(makeModel("tiny"), {}, never()));
    (await made.load(1)).fail(failure);
    expect(await started).toBe(failure);
    expect(await rests(made)).toBe(15);
    const again = made.pool.start(makeModel("tiny"), {}, never());
    (await made.load(2)).succeed();
    await again;
    expect(made.pool.state("tiny")).toBe("running");
  });

  test("leaves other models alone, and is forgotten by a stop", async () => {
    const made = makePool({ hold_loads: true });
    await failOnce(made);
    const other = made.chat(0, never(), makeModel("other"));
    (await made.load(1)).succeed();
    (await made.generation(0)).finish();
    await other;
    await made.pool.unload("tiny");
    await answersOnce(made);
  });

  test("has the same status over HTTP, with Retry-After", async () => {
    const fake = fakeAdapter({ hold_loads: true });
    const { chat } = makeApp({ adapter: fake.adapter, pool: { now: () => 0 } });
    const asked = chat();
    (await fake.load(0)).fail(new AdapterError("engine_unavailable", "No process can be started."));
    expect((await asked).status).toBe(503);
    for (const stream of [false, true]) {
      const res = await chat({ stream });
      expect([res.status, res.headers.get("retry-after")]).toEqual([503, "5"]);
      expect(await res.json()).toMatchObject({ error: { code: "engine_unavailable", type: "server_error" } });
    }
  });
});
