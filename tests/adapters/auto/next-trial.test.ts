// What is timed, in which order, and which engine that makes the fastest.
import { describe, expect, test } from "bun:test";
import { nextTrial, type NextTrial } from "../../../adapters/auto/next-trial.ts";
import { rank, scoreOf } from "../../../adapters/auto/ranking.ts";
import type { EngineTiming, Trial } from "../../../adapters/auto/trial.ts";

const SERVER = { name: "server", waitings: ["briefly", "long"] as const };
const EMBEDDED = { name: "embedded", waitings: [] };
const ADAPTERS = [SERVER, EMBEDDED];

const timing = (rate: number): EngineTiming => ({ prompt: [rate, rate], decode: [rate, rate] });
const nameOf = ({ adapter, tuning: { threads, waiting } }: NextTrial): string =>
  [adapter, threads, waiting].filter(Boolean).join(" ");

/** Everything that is timed, where each trial has the same rate whenever it is; `death`: of the trials with that rate. */
function allTrials(rates: Record<string, number | "dies">, cores = 4) {
  let trials: Trial[] = [];
  const order: string[] = [];
  for (let next = nextTrial(trials, ADAPTERS, cores); next !== undefined; next = nextTrial(trials, ADAPTERS, cores)) {
    const name = nameOf(next);
    order.push(name);
    const rate = rates[name] ?? 1;
    const before = trials.find((each) => nameOf(each) === name);
    const shown = rate === "dies" ? { timings: [], death: "it ended with signal SIGILL" } : { timings: [timing(rate)] };
    const timings = [...(before?.timings ?? []), ...shown.timings];
    trials = [...trials.filter((each) => each !== before), { ...next, ...shown, timings }];
  }
  return { trials, order };
}

describe("the order of trials", () => {
  test("begins with each engine as it is, goes on with its other ways, and ends with those that are close, in turn", () => {
    const { order } = allTrials({
      "server 4 briefly": 10,
      "server 4 long": 11,
      "embedded 4": 10,
      "server 2 long": 5,
      "embedded 2": 4,
    });
    expect(order.slice(0, 5)).toEqual(["server 4 briefly", "embedded 4", "server 4 long", "server 2 long", "embedded 2"]);
    expect(order.slice(5)).toEqual(["server 4 long", "embedded 4", "server 4 long", "embedded 4", "server 4 long", "embedded 4"]);
  });

  test("ends early where one engine is far ahead, and tries no fewer threads than one", () => {
    const { order } = allTrials({ "server 1 briefly": 10, "server 1 long": 9, "embedded 1": 5 }, 1);
    expect(order).toEqual(["server 1 briefly", "embedded 1", "server 1 long"]);
  });

  test("leaves out an engine that has died, and still finds the threads of the other", () => {
    const { order, trials } = allTrials({ "server 4 briefly": "dies", "embedded 4": 10, "embedded 2": 12 });
    expect(order).toEqual(["server 4 briefly", "embedded 4", "embedded 2"]);
    const { engines, dead } = rank({ trials, complete: true }, ["server", "embedded"]);
    expect(engines).toMatchObject([{ adapter: "embedded", tuning: { threads: 2 } }]);
    expect([...dead]).toEqual([["server", "it ended with signal SIGILL"]]);
  });

  test("has nothing to do where all have died", () => {
    expect(allTrials({ "server 4 briefly": "dies", "embedded 4": "dies" }).order).toEqual(["server 4 briefly", "embedded 4"]);
  });
});

describe("the ranking", () => {
  const trial = (adapter: string, ...rates: number[]): Trial => ({ adapter, tuning: { threads: 2 }, timings: rates.map(timing) });

  test("is by the geometric mean of reading and answering, alone and beside others", () => {
    expect(scoreOf([{ prompt: [1, 2], decode: [4, 8] }])).toBeCloseTo(64 ** 0.25);
  });
  test("takes the medians, as a machine has slow moments", () => {
    const trials = [trial("server", 10, 1, 10), trial("embedded", 9, 9, 9)];
    expect(rank({ trials, complete: true }, ["server", "embedded"]).engines.map(({ adapter }) => adapter)).toEqual([
      "server",
      "embedded",
    ]);
  });
  test("is not there before all is timed, nor where one was never timed", () => {
    const trials = [trial("server", 10), trial("embedded", 9)];
    expect(rank({ trials, complete: false }, ["server", "embedded"]).engines).toEqual([]);
    expect(rank({ trials: trials.slice(1), complete: true }, ["server", "embedded"]).engines).toEqual([]);
  });
});
