// Which engine is the fastest, of those that were timed.
import type { EngineTiming, EngineTuning, SpeedNote, Trial } from "./trial.ts";

export interface RankedEngine {
  adapter: string;
  tuning: EngineTuning;
  /** The geometric mean of its four rates. */
  score: number;
  /** Tokens a second of one answer, while nothing else is computed. */
  decode: number;
}

export interface SpeedRanking {
  /** The fastest first, each with the tuning that was best. Empty while the engines are not all timed. */
  engines: readonly RankedEngine[];
  /** Those whose process has ended while it was timed, and why. */
  dead: ReadonlyMap<string, string>;
}

/** `adapters`: the names of all that were to be timed. */
export function rank({ trials, complete }: Pick<SpeedNote, "trials" | "complete">, adapters: readonly string[]): SpeedRanking {
  const dead = deathsOf(trials);
  const best = adapters.flatMap((adapter) => (dead.has(adapter) ? [] : (bestOf(trials, adapter) ?? [])));
  const is_known = complete && best.length + dead.size === adapters.length;
  return { engines: is_known ? best.toSorted((a, b) => b.score - a.score) : [], dead };
}

export function deathsOf(trials: readonly Trial[]): ReadonlyMap<string, string> {
  return new Map(trials.flatMap(({ adapter, death }) => (death === undefined ? [] : [[adapter, death]])));
}

/** The best tuning of one engine; undefined where none was timed. */
export function bestOf(trials: readonly Trial[], adapter: string): RankedEngine | undefined {
  const timed = trials.filter((trial) => trial.adapter === adapter && trial.timings.length > 0);
  const ranked = timed.map(({ tuning, timings }) => {
    return { adapter, tuning, score: scoreOf(timings), decode: median(timings.map(({ decode: [one] }) => one)) };
  });
  return ranked.toSorted((a, b) => b.score - a.score)[0];
}

/** `timings`: at least one. Of several, the medians count: a machine has slow moments. */
export function scoreOf(timings: readonly EngineTiming[]): number {
  const rates = (["prompt", "decode"] as const).flatMap((what) =>
    [0, 1].map((at) => median(timings.map((each) => each[what][at]!))),
  );
  return Math.exp(rates.reduce((sum, rate) => sum + Math.log(rate), 0) / rates.length);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
