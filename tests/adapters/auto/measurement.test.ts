// Timing engines: within its time, stopped at any moment, gone on with where it stopped; with engines of the test's own.
import { describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, utimesSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AdapterError } from "../../../adapters/adapter.ts";
import type { LoadOptions } from "../../../adapters/load-options.ts";
import { createKeptSpeeds } from "../../../adapters/auto/kept-speeds.ts";
import { measure, type MeasuredAdapter } from "../../../adapters/auto/measurement.ts";
import { createSpeeds } from "../../../adapters/auto/speeds.ts";
import { timeEngine } from "../../../adapters/auto/time-engine.ts";
import type { EngineTiming, SpeedNote } from "../../../adapters/auto/trial.ts";
import type { TokenEngine, TokenEvent, TokenRequest } from "../../../adapters/token-engine.ts";

const newFolder = (): string => mkdtempSync(join(tmpdir(), "ingle-speeds-"));
const BEGINNING: SpeedNote = { weight_type: "Q8_0", trials: [], spent_ms: 0, complete: false };

interface Machine {
  /** Tokens a second, by adapter and threads. */
  rates?: Record<string, number>;
  /** What the load of an adapter throws. */
  failures?: Record<string, AdapterError>;
  /** In ms: how long one trial takes. */
  trial_ms?: number;
  /** Called when an engine is timed. */
  onTime?: (count: number) => void;
  folder?: string;
}

/** Two adapters on a machine of two cores, with a clock that only trials move. */
function machine({ rates = {}, failures = {}, trial_ms = 1_000, onTime = () => {}, folder = newFolder() }: Machine = {}) {
  let clock = 0;
  const loads: string[] = [];
  let open = 0;
  const written: string[] = [];
  const adapters = ["server", "embedded"].map((name): MeasuredAdapter => {
    const load = async (_: unknown, { threads, waiting }: LoadOptions, signal: AbortSignal): Promise<TokenEngine> => {
      signal.throwIfAborted();
      loads.push([name, threads, waiting].filter(Boolean).join(" "));
      if (failures[name] !== undefined) throw failures[name];
      open++;
      return { name: `${name} ${threads}`, close: async () => void open-- } as unknown as TokenEngine;
    };
    return { name, waitings: name === "server" ? ["briefly", "long"] : [], engines: async () => ({ name, load }) };
  });
  const time = async (engine: TokenEngine, signal: AbortSignal): Promise<EngineTiming> => {
    onTime(loads.length);
    signal.throwIfAborted();
    clock += trial_ms;
    const rate = rates[(engine as unknown as { name: string }).name] ?? 1;
    return { prompt: [rate, rate], decode: [rate, rate] };
  };
  const write = async (path: string): Promise<void> => void written.push(path);
  const options = { adapters, cores: 2, folder, now: () => clock, time, write };
  return { options, loads, written, open: () => open, folder };
}

const RATES = { "server 2": 10, "embedded 2": 11, "server 1": 1, "embedded 1": 1 };
const never = (): AbortSignal => new AbortController().signal;

describe("a measurement", () => {
  test("closes each engine, removes its model, and is complete when nothing is left", async () => {
    const { options, loads, written, open, folder } = machine({ rates: RATES });
    const note = await measure(BEGINNING, options, never());
    expect(note).toMatchObject({ complete: true, spent_ms: loads.length * 1_000 });
    expect([open(), written.length, readdirSync(folder)]).toEqual([0, 1, []]);
  });

  test("takes no longer than twenty seconds, and what it has is enough", async () => {
    const { options, loads } = machine({ rates: RATES, trial_ms: 6_000 });
    expect(await measure(BEGINNING, options, never())).toMatchObject({ complete: true, spent_ms: 24_000 });
    expect(loads).toEqual(["server 2 briefly", "embedded 2", "server 2 long", "server 1 briefly"]);
  });

  test("that is stopped keeps what was timed, and goes on with the trial that was not", async () => {
    const stop = new AbortController();
    const { options, loads, open } = machine({
      rates: RATES,
      onTime: (count) => count === 3 && stop.abort(new Error("A request.")),
    });
    const note = await measure(BEGINNING, options, stop.signal);
    expect(note).toMatchObject({ complete: false, spent_ms: 2_000, trials: [{ adapter: "server" }, { adapter: "embedded" }] });
    expect(open()).toBe(0);
    const again = machine({ rates: RATES });
    expect(await measure(note, again.options, never())).toMatchObject({ complete: true });
    expect([loads.at(-1), again.loads[0]]).toEqual(["server 2 long", "server 2 long"]);
  });

  test("that is stopped before it begins times nothing, and leaves nothing", async () => {
    const { options, loads, folder } = machine();
    expect(await measure(BEGINNING, options, AbortSignal.abort(new Error("A request.")))).toEqual(BEGINNING);
    expect([loads, readdirSync(folder)]).toEqual([[], []]);
  });

  test("notes how an engine has died, and what another failure was", async () => {
    const death = new AdapterError(
      "model_load_failed",
      'Model "synthetic" cannot be loaded: the engine ended with signal SIGILL while reading it.',
    );
    const died = await measure(BEGINNING, machine({ failures: { server: death } }).options, never());
    expect(died.trials[0]).toMatchObject({ adapter: "server", death: "it ended with signal SIGILL", timings: [] });
    const refusal = new AdapterError("engine_unavailable", "It lies at /secret.", { public_message: "It cannot be used." });
    const refused = await measure(BEGINNING, machine({ failures: { server: refusal } }).options, never());
    expect(refused.trials[0]).toMatchObject({ death: "it failed (It cannot be used.)" });
  });

  test("removes what a process that was killed has left", async () => {
    const { options, folder } = machine();
    for (const name of ["trial-old", "trial-new", "other"]) mkdirSync(join(folder, name));
    utimesSync(join(folder, "trial-old"), 1, 1);
    await measure(BEGINNING, options, never());
    expect(readdirSync(folder).toSorted()).toEqual(["other", "trial-new"]);
  });
});

/** Speeds of that machine, and what they say. */
function speedsOf(made: ReturnType<typeof machine>, more: { hasRoom?: () => boolean; folder?: string } = {}) {
  const said: string[] = [];
  const speeds = createSpeeds({
    ...made.options,
    kept: createKeptSpeeds(more.folder ?? made.folder, "this machine"),
    onDeath: (...words) => said.push(`death: ${words.join(", ")}`),
    onComplete: ({ weight_type }) => said.push(`complete: ${weight_type}`),
    log: (line) => said.push(line),
    hasRoom: more.hasRoom ?? (() => true),
  });
  return { speeds, said };
}

describe("the speeds", () => {
  test("are timed for the types that models are loaded with, once, and kept for the next process", async () => {
    const made = machine({ rates: RATES });
    const { speeds, said } = speedsOf(made);
    await speeds.timeWanted(never());
    expect([made.loads, speeds.all()]).toEqual([[], []]);
    speeds.want("Q4_K");
    await speeds.timeWanted(never());
    speeds.want("Q4_K");
    const count = made.loads.length;
    await speeds.timeWanted(never());
    expect([made.loads.length, said]).toEqual([count, ["complete: Q4_K"]]);
    const [next] = speedsOf(machine({ folder: made.folder })).speeds.all();
    expect(next).toMatchObject({
      weight_type: "Q4_K",
      engines: [{ adapter: "embedded", score: expect.closeTo(11) }, { adapter: "server" }],
    });
  });

  test("of another machine are not taken, nor those of a damaged file", async () => {
    const made = machine({ rates: RATES });
    const { speeds } = speedsOf(made);
    speeds.want("Q4_K");
    await speeds.timeWanted(never());
    expect(createKeptSpeeds(made.folder, "another machine").read()).toEqual([]);
    const [file] = readdirSync(made.folder);
    await Bun.write(join(made.folder, file!), '{"machine":"this machine","notes":[{}]}');
    expect(createKeptSpeeds(made.folder, "this machine").read()).toEqual([]);
  });

  test("say once that an engine has died, and which it was", async () => {
    const made = machine({
      failures: { embedded: new AdapterError("engine_crashed", "The engine ended with code 3. Ask again.") },
    });
    const { speeds, said } = speedsOf(made);
    speeds.want("Q4_K");
    await speeds.timeWanted(never());
    expect(said).toEqual(["death: embedded, it ended with code 3, Q4_K", "complete: Q4_K"]);
    expect(speeds.ranking("Q4_K")).toMatchObject({
      engines: [{ adapter: "server" }],
      dead: new Map([["embedded", "it ended with code 3"]]),
    });
    expect(speedsOf(machine({ folder: made.folder })).speeds.ranking("Q4_K")?.dead.size).toBe(1);
  });

  test("are not timed where there is no room, and of types that no model can be made of", async () => {
    const made = machine();
    const { speeds } = speedsOf(made, { hasRoom: () => false });
    speeds.want("Q4_K");
    speeds.want("IQ9_Z");
    await speeds.timeWanted(never());
    expect(made.loads).toEqual([]);
  });

  test("that cannot be kept hold for this process, and a model that cannot be written is not tried again", async () => {
    const file = join(newFolder(), "file");
    await Bun.write(file, "");
    const made = machine({ rates: RATES });
    const { speeds, said } = speedsOf(made, { folder: join(file, "below") });
    speeds.want("Q4_K");
    await speeds.timeWanted(never());
    speeds.want("Q4_K");
    expect(speeds.ranking("Q4_K")?.engines).toHaveLength(2);
    expect(said[0]).toStartWith("what was found of the engines' speed was not kept: ");
    const unwritable = machine({ folder: join(file, "below") });
    const second = speedsOf(unwritable);
    for (const _ of [1, 2]) {
      second.speeds.want("Q4_K");
      await second.speeds.timeWanted(never());
    }
    expect(second.said).toEqual([expect.stringMatching(/^the engines could not be timed with Q4_K: /)]);
  });

  test("that could not be found in time are left to the next process, which begins anew", async () => {
    const made = machine({ rates: RATES, trial_ms: 25_000 });
    const { speeds, said } = speedsOf(made);
    for (const _ of [1, 2]) {
      speeds.want("Q4_K");
      await speeds.timeWanted(never());
    }
    expect(said).toEqual(["the engines could not be timed with Q4_K: this machine is too slow, or too busy now"]);
    expect([made.loads, speeds.ranking("Q4_K")?.engines]).toEqual([["server 2 briefly"], []]);
    const next = speedsOf(machine({ rates: RATES, folder: made.folder })).speeds;
    next.want("Q4_K");
    await next.timeWanted(never());
    expect(next.ranking("Q4_K")?.engines).toHaveLength(2);
  });

  test("that are timed anew take the place of what was known, but not where that is stopped", async () => {
    const folder = newFolder();
    const first = speedsOf(machine({ rates: RATES, folder })).speeds;
    expect(await first.timeAnew("Q4_K", never())).toBe(true);
    const stop = new AbortController();
    const { speeds } = speedsOf(machine({ folder, onTime: (count) => count === 2 && stop.abort() }));
    expect(await speeds.timeAnew("Q4_K", stop.signal)).toBe(false);
    expect(speeds.ranking("Q4_K")?.engines[0]).toMatchObject({ adapter: "embedded" });
    const slower = speedsOf(machine({ rates: { ...RATES, "embedded 2": 5 }, folder })).speeds;
    await slower.timeAnew("Q4_K", never());
    expect(slower.ranking("Q4_K")?.engines[0]).toMatchObject({ adapter: "server" });
    const busy = speedsOf(machine({ rates: RATES, trial_ms: 25_000, folder })).speeds;
    expect(await busy.timeAnew("Q4_K", never())).toBe(false);
    expect(busy.ranking("Q4_K")?.engines[0]).toMatchObject({ adapter: "server" });
  });
});

test("an engine's rates are of what it reads and says, alone and four at a time", async () => {
  let clock = 0;
  const requests: TokenRequest[] = [];
  const engine = {
    /** 1 ms for each token of the prompt, 10 for each of the answer; the first text has two of them. */
    async *generate(request: TokenRequest): AsyncGenerator<TokenEvent> {
      requests.push(request);
      clock += request.prompt.length;
      for (let count = 1; count <= request.max_tokens; count++) {
        clock += 10;
        await Promise.resolve();
        if (count > 1) yield { type: "text", text: "a", count };
      }
      const usage = { prompt_tokens: request.prompt.length, completion_tokens: request.max_tokens, cached_tokens: 0 };
      yield { type: "finish", reason: "length", slot: 0, usage };
    },
  } as unknown as TokenEngine;
  const { prompt, decode } = await timeEngine(engine, never(), () => clock);
  expect([prompt[0], decode[0]]).toEqual([(128 / 148) * 1_000, 100]);
  expect(decode[1]).toBeGreaterThan(0);
  expect(new Set(requests.map(({ prompt: [first] }) => first)).size).toBe(requests.length);
  expect(requests.map(({ prompt }) => prompt.length)).toEqual([16, 128, 64, 64, 64, 64]);
});
