// How many ways a text may be read in at once: llama.cpp follows all of them at every token. Alternatives that begin alike are few, but where
// they hold each other, and none is out before the next one begins, each level multiplies them.
import { type Beginnings, createBeginnings, type AlikePair } from "./rules/beginnings.ts";
import { opened } from "./rules/left-factored.ts";
import { type GrammarPart, rulesWithin, type Rules, rulesThatHold, type Sequence } from "./rules/rules.ts";
import { UnsupportedSchema } from "./unsupported-schema.ts";

/** With a vocabulary of 150,000 tokens about a third of a second a token. */
const MOST_READINGS = 500;
/** Steps of the search, about 20 ms. */
const MOST_WORK = 50_000;

/** Throws `UnsupportedSchema` where a text may have too many readings, or where it takes too long to see that none has. */
export function refuseManyReadings({ bodies, forks }: Rules): void {
  if (forks.size === 0) return;
  const work = { left: MOST_WORK };
  const spend = (steps: number): void => {
    work.left -= steps;
    if (work.left < 0) throw tooManyReadings();
  };
  const beginnings = createBeginnings(bodies);
  const pairs = new Map<number, AlikePair[]>();
  const holdsAny = rulesThatHold(bodies, forks.keys());
  for (const [rule, item] of forks) {
    if (item !== undefined && holdsAny[item] === 0) continue;
    const found = beginnings.pairsAlike(bodies[rule]!, spend);
    if (found.length === 0) continue;
    if (bodies[rule]!.length > MOST_READINGS) throw tooManyReadings();
    pairs.set(rule, found);
  }
  const holdsForks = rulesThatHold(bodies, pairs.keys());
  // Forks that follow each other do not multiply.
  const isNested = Array.from(rulesWithin(bodies, ...pairs.keys())).some((rule) =>
    bodies[rule]!.some((sequence) => sequence.slice(0, -1).some((part) => typeof part === "number" && holdsForks[part] === 1)),
  );
  if (!isNested) return;
  const search: Search = { beginnings, holdsForks, spend };
  // Mostly none does: that is found for all of them at once.
  const isAny = stayOpen(bodies, [...pairs.values()].flat(), search);
  const multiplying = isAny ? [...pairs.keys()].filter((rule) => stayOpen(bodies, pairs.get(rule)!, search)) : [];
  const known = new Map<number, number>();
  const readings = (rule: number): number => {
    const found = known.get(rule);
    if (found !== undefined) return found;
    const within = rulesWithin(bodies, rule);
    spend(within.size);
    if (within.has(rule)) throw tooManyReadings();
    const most = bodies[rule]!.length * Math.max(1, ...multiplying.filter((other) => within.has(other)).map(readings));
    known.set(rule, most);
    return most;
  };
  for (const rule of multiplying) if (readings(rule) > MOST_READINGS) throw tooManyReadings();
}

interface Search {
  beginnings: Beginnings;
  holdsForks: Uint8Array;
  spend(steps: number): void;
}

/** Whether of two alternatives both may be open where a rule begins that has such alternatives itself. */
function stayOpen(bodies: Rules["bodies"], pairs: readonly AlikePair[], { beginnings, holdsForks, spend }: Search): boolean {
  const seen = new Set<string>();
  const pending: { one: Sequence; other: Sequence; behind: "same" | "different" }[] = [];
  const later = (ones: readonly Sequence[], others: readonly Sequence[], behind: "same" | "different"): void => {
    for (const one of ones) {
      for (const other of others) {
        spend(1);
        const key = `${one.join(" ")}|${other.join(" ")}|${behind}`;
        if (seen.has(key)) continue;
        seen.add(key);
        pending.push({ one, other, behind });
      }
    }
  };
  const holds = (part: GrammarPart | undefined): boolean => typeof part === "number" && holdsForks[part] === 1;
  const openedFrom = (sequence: Sequence): Sequence[] => [...opened(bodies, [sequence]).values()];
  for (const [one, other] of pairs) later([one], [other], "same");
  while (pending.length > 0) {
    const { behind, ...pair } = pending.pop()!;
    let { one, other } = pair;
    for (; one.length > 0 && other.length > 0; one = one.slice(1), other = other.slice(1)) {
      const [[first], [second]] = [one, other];
      // From here on they are one reading.
      if (behind === "same" && one.length === other.length && one.every((part, i) => part === other[i])) break;
      if (first === second) {
        if (holds(first)) return true;
        continue;
      }
      if (isTail(one) || isTail(other)) {
        later(openedFrom(one), openedFrom(other), behind);
        break;
      }
      if (!beginnings.mayBeAlike(one, other)) break;
      if (holds(first) && holds(second)) later(openedFrom([first!]), openedFrom([second!]), "different");
      else if (holds(typeof first === "string" ? second : typeof second === "string" ? first : undefined)) return true;
    }
    // Where one of them is at an end nobody knows what comes behind it.
    if ((one.length === 0 || other.length === 0) && [...one, ...other].some(holds)) return true;
  }
  return false;
}

const isTail = (sequence: Sequence): boolean => sequence.length === 1 && typeof sequence[0] === "number";

const tooManyReadings = (): UnsupportedSchema =>
  new UnsupportedSchema(
    "",
    "",
    "a value can be read in too many ways at once: let its alternatives begin with what tells them apart",
  );
