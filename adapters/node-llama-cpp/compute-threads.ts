// Chooses how many threads compute the next step. llama.cpp's threads wait for each other hundreds of times a token, spinning. Where another
// program takes one of their cores, two of them end up on the same core, and each wait lasts a time slice: a step takes 10 to 50 times as
// long as with one thread less. So now and then a step runs with fewer threads, and the faster number stays.

export type ComputeThreads = ReturnType<typeof createComputeThreads>;

const STEPS_BETWEEN_TRIALS = 48;
const FIRST_TRIAL_AFTER = 3;
// Fewer threads are taken only where they are faster by this factor; a single slow step is enough to show it.
const CLEARLY_FASTER = 1.5;
const LATEST_WEIGHT = 0.3;
// In milliseconds: more threads are tried again after so long, which doubles with every trial in vain, as a trial may cost a second.
const MIN_RETURN_MS = 1_000;
const MAX_RETURN_MS = 32_000;
// In tokens: longer steps read prompts. They run with the same threads, but their times are not compared.
const MAX_TIMED_STEP = 16;

/** `max`: threads on an idle machine. */
export function createComputeThreads(max: number, now: () => number = () => performance.now()) {
  const levels = [...new Set([1, 0.75, 0.5, 0.25].map((part) => Math.max(1, Math.round(max * part))))];
  /** Typical milliseconds of a step, by level and tokens. */
  const typical = levels.map(() => new Map<number, number>());
  let level = 0;
  let trial = 0;
  let steps = STEPS_BETWEEN_TRIALS - FIRST_TRIAL_AFTER;
  let return_after = MIN_RETURN_MS;
  let return_at = 0;
  let current = { level, tokens: 0 };

  const choose = (tokens: number): number => {
    if (tokens > MAX_TIMED_STEP) return level;
    if (level > 0 && now() >= return_at) return level - 1;
    if (level + 1 === levels.length || ++steps < STEPS_BETWEEN_TRIALS) return level;
    steps = 0;
    // Each lower level is tried in order: one level down may be as crowded as here.
    trial = trial > level && trial + 1 < levels.length ? trial + 1 : level + 1;
    return trial;
  };

  return {
    /** The number of threads for a step of so many tokens. */
    next(tokens: number): number {
      current = { level: choose(tokens), tokens };
      return levels[current.level]!;
    },
    /** Takes the time of that step, in milliseconds. */
    record(ms: number): void {
      const { level: used, tokens } = current;
      if (tokens > MAX_TIMED_STEP) return;
      const before = typical[used]!.get(tokens) ?? ms;
      const here = typical[level]!.get(tokens);
      if (used < level) {
        // A trial of more threads: where it was faster, the level stays and its old times are dropped.
        if (here !== undefined && ms < here) {
          level = used;
          typical[used]!.clear();
          return_after = MIN_RETURN_MS;
        } else return_after = Math.min(return_after * 2, MAX_RETURN_MS);
        return_at = now() + return_after;
        return;
      }
      typical[used]!.set(tokens, before + (ms - before) * LATEST_WEIGHT);
      const fewer = typical[trial]!.get(tokens);
      const mine = typical[level]!.get(tokens);
      if (trial <= level || fewer === undefined || mine === undefined || fewer * CLEARLY_FASTER > mine) return;
      level = trial;
      return_at = now() + return_after;
    },
  };
}
