// What a schema may cost: a client writes it, and other requests wait meanwhile.

/** Steps that are left, of a few dozen nanoseconds each; one schema has them for all of its parts. */
export interface GrammarWork {
  left: number;
}

/** An automaton would have more states than is fair, or more steps than are left would be needed. */
export class TooManyStates extends Error {
  override readonly name = "TooManyStates";
}

const MOST_WORK = 4_000_000;

export const createWork = (): GrammarWork => ({ left: MOST_WORK });

/** Throws `TooManyStates` where there are not so many left. */
export function spend(work: GrammarWork, steps: number): void {
  work.left -= steps;
  if (work.left < 0) throw new TooManyStates();
}
