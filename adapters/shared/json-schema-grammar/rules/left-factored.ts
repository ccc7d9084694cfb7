// Alternatives that begin alike, as rules that part where the alternatives do: a text is then read in one way up to there. llama.cpp follows
// every reading, and alternatives that hold each other would double them at each level.
import { type GrammarPart, literal, type Rules, type Sequence } from "./rules.ts";

/** Beyond so many rules the alternatives have too little in common. */
const MOST_RULES = 1_000;

/** Whether several of the alternatives are objects, or several are arrays. */
export function beginAlike(alternatives: readonly Sequence[]): boolean {
  const firsts = alternatives.map(([first]) => first);
  return firsts.some((first, i) => isBracket(first) && firsts.indexOf(first) < i);
}

/** Alternatives of the same texts. */
export function leftFactored(rules: Rules, alternatives: readonly Sequence[]): readonly Sequence[] {
  const known = new Map<string, number>();
  const waiting: { rule: number; ways: readonly Sequence[] }[] = [];
  const joined = (ways: readonly Sequence[]): number => {
    const distinct = opened(rules.bodies, divided(rules.bodies, [...opened(rules.bodies, ways).values()]));
    const key = [...distinct.keys()].sort().join("|");
    const same = known.get(key);
    if (same !== undefined) return same;
    const rule = rules.reserve();
    known.set(key, rule);
    waiting.push({ rule, ways: [...distinct.values()] });
    return rule;
  };
  const parted = (ways: readonly Sequence[]): Sequence[] =>
    [...Map.groupBy(ways, ([first]) => first).values()].map((group) => {
      const [one, ...others] = group as [Sequence, ...Sequence[]];
      if (others.length === 0) return one;
      let shared = 1;
      while (shared < one.length && others.every((other) => other[shared] === one[shared])) shared++;
      return [...one.slice(0, shared), joined(group.map((way) => way.slice(shared)))];
    });
  const found = parted(alternatives);
  const made: number[] = [];
  while (waiting.length > 0) {
    if (known.size > MOST_RULES) {
      rules.forks.set(rules.add(alternatives), undefined);
      return alternatives;
    }
    const { rule, ways } = waiting.pop()!;
    rules.define(rule, parted(ways));
    made.push(rule);
  }
  for (const rule of made) rules.forks.set(rule, undefined);
  return found;
}

/** What begins objects or arrays in a notation without brackets. */
export const NO_BRACKET = literal("");

const isBracket = (part: GrammarPart | undefined): boolean => part === '"{"' || part === '"["' || part === NO_BRACKET;

/** Each once, by its text; one that is a rule alone gives way to the rule's alternatives. */
export function opened(bodies: Rules["bodies"], ways: readonly Sequence[]): Map<string, Sequence> {
  const found = new Map<string, Sequence>();
  const pending = ways.toReversed();
  const seen = new Set<number>();
  while (pending.length > 0) {
    const way = pending.pop()!.map((part) => resolved(bodies, part));
    const [first] = way;
    if (way.length !== 1 || typeof first !== "number") found.set(way.join(" "), way);
    else if (!seen.has(first)) {
      seen.add(first);
      pending.push(...bodies[first]!.toReversed());
    }
  }
  return found;
}

/** A rule that is another one alone is that one. */
function resolved(bodies: Rules["bodies"], part: GrammarPart): GrammarPart {
  if (typeof part === "string") return part;
  const [only, ...others] = bodies[part]!;
  return only?.length === 1 && others.length === 0 && typeof only[0] === "number" ? resolved(bodies, only[0]) : part;
}

/** A value that may be one that another way begins with, or something else such as null, as two ways. */
function divided(bodies: Rules["bodies"], ways: readonly Sequence[]): readonly Sequence[] {
  if (ways.length === 1) return ways;
  const choices = ([first]: Sequence): readonly Sequence[] | undefined => {
    const found = typeof first === "number" ? bodies[first]! : [];
    if (found.length < 2 || found.some((choice) => choice.length !== 1)) return undefined;
    return found.map((choice) => choice.map((part) => resolved(bodies, part)));
  };
  const uses = new Map<GrammarPart | undefined, number>();
  for (const way of ways)
    for (const first of new Set([way[0], ...(choices(way) ?? []).flat()])) uses.set(first, (uses.get(first) ?? 0) + 1);
  return ways.flatMap((way) => {
    const found = choices(way) ?? [];
    const isShared = found.some(([first]) => typeof first === "number" && uses.get(first)! > 1) && uses.get(way[0]) === 1;
    return isShared ? found.map((choice) => [...choice, ...way.slice(1)]) : [way];
  });
}
