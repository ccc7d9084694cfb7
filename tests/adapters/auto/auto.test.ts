// `--adapter auto`: which adapter runs a model, by what the model makes possible and by the speed of engines.
import { describe, expect, test } from "bun:test";
import type { Adapter, Capability } from "../../../adapters/adapter.ts";
import type { LoadOptions } from "../../../adapters/load-options.ts";
import { createAuto, type KnownSpeeds } from "../../../adapters/auto.ts";
import type { SpeedRanking } from "../../../adapters/auto/ranking.ts";
import { echo } from "../../../adapters/echo.ts";
import type { Model } from "../../../models/manifest.ts";
import { makeModel } from "../../support/app.ts";
import { tinyModel } from "../../support/models.ts";

/** Says which of the two has loaded a model, and with which options. */
function makeAuto(rankings: Record<string, SpeedRanking> = {}, capabilities: Capability[] = [], of_embedded: Capability[] = []) {
  const loads: [string, LoadOptions][] = [];
  const wanted: string[] = [];
  const adapter = (name: string, can: Capability[]): Adapter => ({
    ...echo(),
    name,
    capabilities: () => can,
    load: async (model, options, signal) => {
      loads.push([name, options]);
      return echo().load(model, options, signal);
    },
  });
  const speeds: KnownSpeeds = { ranking: (type) => rankings[type], want: (type) => void wanted.push(type) };
  const candidates = [{ adapter: adapter("server", capabilities) }, { adapter: adapter("embedded", of_embedded) }];
  const auto = createAuto(
    candidates,
    () => {},
    () => speeds,
  );
  const load = async (model: Model, options: Partial<LoadOptions> = {}) => {
    const engine = await auto
      .adapterOf(model)
      .load(await tinyModel(), { slots: 1, context: 512, ...options }, AbortSignal.timeout(5_000));
    return { engine, by: loads.at(-1)![0], options: loads.at(-1)![1] };
  };
  return { auto, load, wanted, rankings };
}

const engine = (adapter: string, threads = 2) => ({
  adapter,
  tuning: { threads, waiting: "long" as const },
  score: 1,
  decode: 1,
});
const ranked = (...names: string[]): SpeedRanking => ({ engines: names.map((name) => engine(name)), dead: new Map() });
const model = makeModel("one", { weight_type: "Q4_K" });

describe("the adapter that runs a model", () => {
  test("is the first of the list as long as no speed is known", async () => {
    const { auto, load, wanted } = makeAuto({ Q8_0: ranked("embedded", "server") });
    expect(auto.adapterOf(model).name).toBe("server");
    expect(await load(model)).toMatchObject({ by: "server", options: { slots: 1, context: 512 } });
    expect(wanted).toEqual(["Q4_K"]);
  });

  test("is the fastest with weights of its type, which gets the threads and the waiting that were best", async () => {
    const { auto, load } = makeAuto({ Q4_K: ranked("embedded", "server") });
    expect(auto.adapterOf(model).name).toBe("embedded");
    expect(await load(model)).toMatchObject({ by: "embedded", options: { threads: 2, waiting: "long" } });
  });

  test("changes with the next load, and not for a model that is loaded", async () => {
    const { auto, load, rankings } = makeAuto();
    const first = await load(model);
    rankings.Q4_K = ranked("embedded", "server");
    expect(auto.adapterOf(model).name).toBe("server");
    await first.engine.close();
    await first.engine.closed;
    expect(auto.adapterOf(model).name).toBe("embedded");
    expect((await load(model)).by).toBe("embedded");
  });

  test("is one that can all that the model makes possible, however fast the others are", async () => {
    const { auto, load } = makeAuto({ Q4_K: ranked("embedded", "server") }, ["images"]);
    expect(auto.adapterOf(model).name).toBe("server");
    expect((await load(model)).by).toBe("server");
  });

  test("is not one that can what no model makes possible: prompts are scored by one engine alone", async () => {
    const { auto } = makeAuto({ Q4_K: ranked("server", "embedded") }, ["images"], ["images", "prompt_logprobs"]);
    expect(auto.adapterOf(model).name).toBe("server");
  });

  test("is none that has died while it was timed, unless it alone is left", async () => {
    const dead = new Map([["server", "it ended with signal SIGILL"]]);
    const { auto, load } = makeAuto({ Q4_K: { engines: [], dead } }, ["images"]);
    expect(auto.adapterOf(model).name).toBe("embedded");
    expect((await load(model)).by).toBe("embedded");
    const both = new Map([...dead, ["embedded", "it ended with code 3"]]);
    expect((await makeAuto({ Q4_K: { engines: [], dead: both } }).load(model)).by).toBe("server");
  });

  test("is found by the header of a model whose record does not say what its weights are", async () => {
    const { auto, load, wanted } = makeAuto({ F32: ranked("embedded", "server") });
    const old = makeModel("old");
    expect(auto.adapterOf(old).name).toBe("server");
    expect((await load(old)).by).toBe("embedded");
    expect(wanted).toEqual(["F32"]);
    expect(auto.adapterOf(old).name).toBe("embedded");
  });
});
