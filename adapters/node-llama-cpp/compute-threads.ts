// How many threads compute the next step. llama.cpp's threads wait for each other hundreds of times a token, spinning. Where another
// program takes one of their cores, two of them end up on the same core, and each wait lasts a time slice: a step takes 10 to 50
// times as long as with one thread less. So now and then a step runs with fewer threads, and what is faster is kept.

export interface ComputeThreads {
  /** For a step of so many tokens. */
  next(tokens: number): number;
  /** How long that step took, in milliseconds. */
  record(ms: number): void;
}

const STEPS_BETWEEN_TRIALS = 48;
const FIRST_TRIAL_AFTER = 3;
// Fewer threads are taken only when they are clearly faster; a single slow step is enough to see that.
const CLEARLY = 1.5;
const WEIGHT_OF_THE_LATEST = 0.3;
// More threads are tried again after so long, in milliseconds; every time in vain doubles it. In vain may cost a second.
const FIRST_RETURN = 1_000;
const LAST_RETURN = 32_000;
// Steps of more tokens read prompts: they follow, but their times say little.
const LONGEST_STEP = 16;

/** `most`: threads on an idle machine. */
export function createComputeThreads(most: number, now: () => number = () => performance.now()): ComputeThreads {
  const levels = [...new Set([1, 0.75, 0.5, 0.25].map((part) => Math.max(1, Math.round(most * part))))];
  /** Typical milliseconds of a step, by level and tokens. */
  const typical = levels.map(() => new Map<number, number>());
  let level = 0;
  let trial = 0;
  let steps = STEPS_BETWEEN_TRIALS - FIRST_TRIAL_AFTER;
  let wait = FIRST_RETURN;
  let return_at = 0;
  let current = { level, tokens: 0 };

  const choose = (tokens: number): number => {
    if (tokens > LONGEST_STEP) return level;
    if (level > 0 && now() >= return_at) return level - 1;
    if (level + 1 === levels.length || ++steps < STEPS_BETWEEN_TRIALS) return level;
    steps = 0;
    // Each of the lower levels in its turn: one step down may be as crowded as here.
    trial = trial > level && trial + 1 < levels.length ? trial + 1 : level + 1;
    return trial;
  };

  return {
    next(tokens) {
      current = { level: choose(tokens), tokens };
      return levels[current.level]!;
    },
    record(ms) {
      const { level: used, tokens } = current;
      if (tokens > LONGEST_STEP) return;
      const before = typical[used]!.get(tokens) ?? ms;
      const here = typical[level]!.get(tokens);
      if (used < level) {
        // A trial of more threads: kept where it was faster, and then what was known of them is out of date.
        if (here !== undefined && ms < here) {
          level = used;
          typical[used]!.clear();
          wait = FIRST_RETURN;
        } else wait = Math.min(wait * 2, LAST_RETURN);
        return_at = now() + wait;
        return;
      }
      typical[used]!.set(tokens, before + (ms - before) * WEIGHT_OF_THE_LATEST);
      const fewer = typical[trial]!.get(tokens);
      const mine = typical[level]!.get(tokens);
      if (trial <= level || fewer === undefined || mine === undefined || fewer * CLEARLY > mine) return;
      level = trial;
      return_at = now() + wait;
    },
  };
}
