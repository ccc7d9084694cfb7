// What is to be timed next: each engine as it is by default, then its other ways to wait, then with fewer threads; then those that are close
// to the fastest again, in turn, as a machine is never twice as fast as before.
import type { ThreadWaiting } from "../load-options.ts";
import { bestOf, deathsOf } from "./ranking.ts";
import type { EngineTuning, Trial } from "./trial.ts";

export interface TimedAdapter {
  name: string;
  /** The ways in which its threads can wait, the default first; none of an engine that knows one alone. */
  waitings: readonly ThreadWaiting[];
}

export type NextTrial = Pick<Trial, "adapter" | "tuning">;

const ROUNDS = 4;
/** What is slower than this part of the fastest is not timed again. */
const CLOSE = 0.85;

/** Undefined where nothing is left. `cores`: threads at most. */
export function nextTrial(trials: readonly Trial[], adapters: readonly TimedAdapter[], cores: number): NextTrial | undefined {
  const dead = deathsOf(trials);
  const alive = adapters.filter(({ name }) => !dead.has(name));
  for (const step of [byDefault, otherWaitings, fewerThreads]) {
    const planned = alive.flatMap((adapter) => step(adapter, trials, cores).map((tuning) => ({ adapter: adapter.name, tuning })));
    const untimed = planned.find((each) => trialOf(trials, each) === undefined);
    if (untimed !== undefined) return untimed;
  }
  const best = alive.flatMap(({ name }) => bestOf(trials, name) ?? []);
  const highest = Math.max(...best.map(({ score }) => score));
  const close = best.filter(({ score }) => score >= highest * CLOSE);
  const count = (each: NextTrial): number => trialOf(trials, each)!.timings.length;
  const [least] = close.toSorted((a, b) => count(a) - count(b));
  if (close.length < 2 || count(least!) >= ROUNDS) return undefined;
  return { adapter: least!.adapter, tuning: least!.tuning };
}

export const trialOf = (trials: readonly Trial[], { adapter, tuning }: NextTrial): Trial | undefined =>
  trials.find(
    (each) => each.adapter === adapter && each.tuning.threads === tuning.threads && each.tuning.waiting === tuning.waiting,
  );

type Step = (adapter: TimedAdapter, trials: readonly Trial[], cores: number) => EngineTuning[];

const byDefault: Step = ({ waitings: [waiting] }, _, cores) => [tuned(cores, waiting)];

const otherWaitings: Step = ({ waitings }, _, cores) => waitings.slice(1).map((waiting) => tuned(cores, waiting));

/** Cores may be the halves of one, and others may want some. */
const fewerThreads: Step = ({ name }, trials, cores) => {
  const waiting = bestOf(
    trials.filter(({ tuning }) => tuning.threads === cores),
    name,
  )?.tuning.waiting;
  return cores === 1 ? [] : [tuned(Math.ceil(cores / 2), waiting)];
};

const tuned = (threads: number, waiting: ThreadWaiting | undefined): EngineTuning => ({ threads, ...(waiting && { waiting }) });
