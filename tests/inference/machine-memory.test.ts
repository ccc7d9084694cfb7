// What models take of this machine; and three real ones under a memory that holds two, in the real server: nobody is refused, and
// nothing piles up.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "bun:test";
import { DEFAULT_MODEL } from "../../models/catalog.ts";
import type { InstalledModel } from "../../models/manifest.ts";
import { machineMemoryBudget } from "../../src/server/machine-memory-budget.ts";
import type { EngineRow } from "../../src/inference/engine-row.ts";
import { pair, text, u32, VALUE, writeGguf } from "../../models/gguf/writer.ts";
import { createMemoryEstimator } from "../../src/inference/memory-estimator.ts";
import { thrownBy } from "../support/model-pool.ts";
import { withLibrary } from "../support/library.ts";
import { PLAIN_TEMPLATE } from "../support/models.ts";
import { PROGRAM, run, RUNTIME } from "../support/program.ts";
import { realModel } from "../support/real-model.ts";
import { record } from "../support/record.ts";
import { eventually, startServer, type Server } from "../support/server.ts";
import { tinyGguf } from "../support/tiny-gguf.ts";

const SLOW = 600_000;
const REQUESTS = 200;
const CLIENTS = 12;
// Real 350 MB, a tiny one 150 MB, with these options: two fit, whichever they are, three do not.
const ARGS = ["--memory", "560MB", "--context", "512", "--slots", "2"];
const MODELS = [DEFAULT_MODEL, "tiny/one", "tiny/two"];
/** Bytes that the server may have grown by from the first half of the requests to the end. */
const FLAT = 48e6;

const folder = mkdtempSync(join(tmpdir(), "ingle-model-memory-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const real = await realModel().catch((error: Error) => error);
const skip = real instanceof Error ? ` (skipped: ${real.message})` : RUNTIME.name === "bun" ? "" : " (skipped: Bun is not here)";

async function dataFolder(path: string): Promise<string> {
  const data = join(folder, "data");
  const tiny = join(folder, "tiny.gguf");
  writeFileSync(tiny, tinyGguf({ template: PLAIN_TEMPLATE }));
  await withLibrary(data, async (library) => {
    await library.add(record(DEFAULT_MODEL, path));
    for (const id of MODELS.slice(1)) await library.add(record(id, tiny));
  });
  return data;
}

const residentBytes = (pid: number): number =>
  1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]);

const loaded = async ({ url }: Server): Promise<any[]> => ((await (await fetch(`${url}/v1/ps`)).json()) as { data: any[] }).data;

describe("the memory of engines", () => {
  const file = (name: string, bytes: Uint8Array): InstalledModel => {
    const path = join(folder, `${name}.gguf`);
    writeFileSync(path, bytes);
    return { id: name, path, settings: {} };
  };
  const row = (state: EngineRow["state"], memory_bytes: number | null) => ({ state, memory_bytes }) as EngineRow;

  test("is what the header says, at no more context than the model was trained on", async () => {
    const { need } = createMemoryEstimator({ slots: 2, budget: () => 0 });
    const model = file("fits", tinyGguf({ context_length: 512 }));
    const total = async (context: number, extra_bytes = 0) =>
      (await need({ ...model, extra_bytes }, { slots: 2, context })).total;
    expect(await total(4096)).toBe(await total(512));
    expect(await total(256)).toBeLessThan(await total(512));
    expect(await total(512, 1_000)).toBe((await total(512)) + 1_000);
    const needed = await need(model, { slots: 2, context: 512 });
    expect([needed.largestContext(needed.total), needed.largestContext(1_000)]).toEqual([512, 0]);
  });

  test.each([
    ["a model that writes by diffusion", { "general.architecture": "llada", "llada.attention.causal": 0 }],
    ["a model that makes sound", { "general.architecture": "wavtokenizer-dec" }],
  ])("is not asked for %s, for which there is no request: %j", async (what, pairs) => {
    const { need } = createMemoryEstimator({ slots: 2, budget: () => 1e9 });
    const head = Object.entries<string | number>(pairs).map(([key, value]) =>
      typeof value === "string" ? pair(key, VALUE.string, text(value)) : pair(key, VALUE.u32, u32(value)),
    );
    const refused = await need(file("other", writeGguf(head, [])), { slots: 2 }).catch((error: unknown) => error);
    expect(refused).toMatchObject({ status: 400, param: "model", message: expect.stringContaining(`"other" is ${what}`) });
  });

  test("leaves the context to half of the memory, up to the model's own and 32,768, where nothing sets it", async () => {
    const GB = 1e9;
    const contextOf = async (name: string, context_length: number, budget: number, context?: number) => {
      const { need, facts, fitOfFile } = createMemoryEstimator({ slots: 4, context, budget: () => budget });
      const model = file(name, tinyGguf({ context_length }));
      const needed = await need(model, { slots: 4, ...(context && { context }) });
      const fit = fitOfFile(await facts(model), {});
      expect([fit.context, fit.needed_bytes]).toEqual([needed.load!.context, needed.total]);
      return needed.load!.context;
    };
    expect(await contextOf("odd", 8_100, 100 * GB)).toBe(8_100);
    expect(await contextOf("long", 131_072, 100 * GB)).toBe(32_768);
    expect(await contextOf("short", 512, 100 * GB)).toBe(512);
    expect(await contextOf("none", 131_072, 0)).toBe(4_096);
    expect(await contextOf("set", 131_072, 0, 65_536)).toBe(65_536);
    const half = await contextOf("half", 131_072, 0.36 * GB);
    expect([half > 4_096, half < 32_768, half % 256]).toEqual([true, true, 0]);
    const { need } = createMemoryEstimator({ slots: 4, budget: () => 0.36 * GB });
    expect((await need(file("half-again", tinyGguf({ context_length: 131_072 })), { slots: 4 })).total).toBeLessThan(0.18 * GB);
  });

  describe("where nothing sets the slots", () => {
    const model = file("slots", tinyGguf({ context_length: 131_072 }));
    /** Bytes of a load with these slots and tokens of each, twice over: half of the memory is for one model. */
    const twice = async (slots: number, context: number) => {
      const { total } = await createMemoryEstimator({ budget: () => 0 }).need(model, { slots, context });
      return 2 * total;
    };
    const loadIn = async (budget: number, set: { slots?: number; context?: number } = {}) => {
      const estimator = createMemoryEstimator({ ...set, budget: () => budget });
      const { load } = await estimator.need(model, set);
      const fit = estimator.fitOfFile(await estimator.facts(model), {});
      expect([fit.slots, fit.context]).toEqual([load!.slots, load!.context]);
      return [load!.slots, load!.context];
    };

    test("there are four, as long as each has 8,192 tokens", async () => {
      expect(await loadIn(100e9)).toEqual([4, 32_768]);
      expect(await loadIn(await twice(4, 8_192))).toEqual([4, 8_192]);
    });

    test("they go down to two before a slot has less", async () => {
      expect(await loadIn((await twice(4, 8_192)) - 2)).toEqual([3, 8_192]);
      expect(await loadIn((await twice(3, 8_192)) - 2)).toEqual([2, 10_240]);
      expect(await loadIn(await twice(2, 8_192))).toEqual([2, 8_192]);
      expect(await loadIn((await twice(2, 8_192)) - 2)).toEqual([2, 6_144]);
      expect(await loadIn(0)).toEqual([2, 4_096]);
    });

    test("they go down to two before a context that is set does not fit", async () => {
      const needed = (await twice(3, 65_536)) / 2;
      expect(await loadIn(needed, { context: 65_536 })).toEqual([3, 65_536]);
      expect(await loadIn(needed - 1, { context: 65_536 })).toEqual([2, 65_536]);
      expect(await loadIn(0, { context: 65_536 })).toEqual([2, 65_536]);
    });

    test("slots that are set stay, whatever becomes of the context", async () => {
      expect(await loadIn(await twice(2, 8_192), { slots: 8 })).toEqual([8, 4_096]);
      expect(await loadIn(100e9, { slots: 1 })).toEqual([1, 32_768]);
      expect(await loadIn(0, { slots: 5, context: 512 })).toEqual([5, 512]);
    });

    test("a context that is set is told as llama.cpp takes it: whole steps of 256, and no more than the model's own", async () => {
      for (const [context, taken] of [
        [64, 256],
        [300, 512],
        [512, 512],
        [131_000, 131_072],
        [200_000, 131_072],
      ] as const)
        expect(await loadIn(100e9, { slots: 2, context })).toEqual([2, taken]);
      const odd = file("odd-slots", tinyGguf({ context_length: 300 }));
      const { need } = createMemoryEstimator({ budget: () => 100e9 });
      expect((await need(odd, { context: 290 })).load).toEqual({ slots: 4, context: 300 });
    });

    test("a model that was trained on little gives up slots where four with that do not fit", async () => {
      const short = file("short-slots", tinyGguf({ context_length: 2_048 }));
      const { need } = createMemoryEstimator({ budget: () => 0 });
      const { total } = await need(short, { slots: 4, context: 2_048 });
      const load = async (budget: number) => (await createMemoryEstimator({ budget: () => budget }).need(short, {})).load;
      expect(await load(2 * total)).toEqual({ slots: 4, context: 2_048 });
      expect(await load(2 * total - 2)).toEqual({ slots: 3, context: 2_048 });
    });

    test("little more or less memory gives the same context: saved states are good for one length alone", async () => {
      const budget = await twice(4, 10_240);
      for (const more of [0, 1e6]) expect(await loadIn(budget + more)).toEqual([4, 10_240]);
    });
  });

  test("of a file that is not GGUF is a load that failed", async () => {
    const { need } = createMemoryEstimator({ slots: 2, budget: () => 0 });
    const asked = need(file("cut", tinyGguf().subarray(0, 4000)), { slots: 1, context: 512 });
    expect(await thrownBy(asked)).toMatchObject({
      code: "model_load_failed",
      message: expect.stringMatching(/^Model "cut" cannot be loaded: The file is cut/),
    });
  });

  test("is the limit, else what was free when nothing was loaded", () => {
    const rows: EngineRow[] = [];
    expect(machineMemoryBudget(123, () => rows)()).toBe(123);
    const budget = machineMemoryBudget(undefined, () => rows);
    const before = budget();
    expect(before).toBeGreaterThan(0);
    // Far more than the machine has.
    rows.push(row("running", 1e15));
    expect(budget()).toBeLessThanOrEqual(before);
    // A model that is loading has not taken its memory yet.
    rows[0] = row("loading", 1e15);
    expect(budget()).toBeLessThanOrEqual(before);
  });
});

test.skipIf(skip !== "")(
  `200 alternating requests to three models of which two fit: each is answered, and nothing grows${skip}`,
  async () => {
    if (real instanceof Error) throw real;
    const data = await dataFolder(real.path);
    const server = await startServer(RUNTIME, ARGS, { data });
    try {
      let asked = 0;
      let most_children = 0;
      const failures: string[] = [];
      const client = async (until: number): Promise<void> => {
        while (asked < until) {
          const n = asked++;
          const body = {
            model: MODELS[n % 3],
            messages: [{ role: "user", content: "Hi" }],
            max_tokens: 1 + (n % 2),
            stream: n % 5 === 0,
          };
          const res = await server.chat(body);
          const text = await res.text();
          if (res.status !== 200 || text.includes('"error"')) failures.push(`${n} ${res.status} ${text}`);
          most_children = Math.max(most_children, server.children().length);
        }
      };
      const clients = (until: number) => Promise.all(Array.from({ length: CLIENTS }, () => client(until)));
      const started = performance.now();
      await clients(REQUESTS / 2);
      const half = residentBytes(server.pid);
      await clients(REQUESTS);
      const seconds = (performance.now() - started) / 1000;
      expect(failures).toEqual([]);
      // An idle engine may have gone for the last load beside a busy one that was to go anyway: then one is left.
      await eventually("every engine that is left runs", async () => (await loaded(server)).length === server.children().length);
      const rows = await loaded(server);
      expect(rows.map(({ state, busy, queued }) => [state, busy, queued])).toEqual(rows.map(() => ["running", 0, 0]));
      expect([1, 2]).toContain(rows.length);
      expect(rows.reduce((sum, { memory_bytes }) => sum + memory_bytes, 0)).toBeLessThanOrEqual(560e6);
      const end = residentBytes(server.pid);
      expect(end - half).toBeLessThan(FLAT);
      // One that ends and one that begins are a process each.
      expect(most_children).toBeLessThanOrEqual(3);
      const loads = server.stderr.filter((line) => line.includes('"model loaded"')).length;
      console.log(
        `${REQUESTS} requests in ${seconds.toFixed(0)} s, ${loads} loads, at most ${most_children} engine processes;`,
        `server ${(half / 1e6).toFixed(0)} MB at half time, ${(end / 1e6).toFixed(0)} MB at the end`,
      );

      const ps = await run([...PROGRAM, "ps"], { env: { INGLE_DATA: data } });
      expect(ps).toMatchObject({ code: 0, stderr: "" });
      expect(ps.stdout).toMatch(/^ID +STATE +ADAPTER +PROCESSOR +MEMORY +CONTEXT +SLOTS +QUEUED +IDLE +UNLOADED$/m);
      for (const { id } of rows)
        expect(ps.stdout).toMatch(
          new RegExp(`^${id} +running +node-llama-cpp +processor +\\d+ MB +512 +0/2 +0 +\\d+ (s|min) +in \\d+ (s|min)$`, "m"),
        );
      expect(JSON.parse((await run([...PROGRAM, "ps", "--json"], { env: { INGLE_DATA: data } })).stdout)).toHaveLength(
        rows.length,
      );

      for (const { id } of rows) {
        const res = await fetch(`${server.url}/v1/models/${id}/stop`, { method: "POST" });
        expect(await res.json()).toEqual({ id, object: "model", state: "stopped" });
      }
      expect([server.children(), await loaded(server)]).toEqual([[], []]);
      const none = await run([...PROGRAM, "ps"], { env: { INGLE_DATA: data } });
      expect([none.code, none.stdout, none.stderr]).toEqual([0, "", "No model is loaded. The first request to one loads it.\n"]);
    } finally {
      await server.stop("SIGKILL");
    }
  },
  SLOW,
);
