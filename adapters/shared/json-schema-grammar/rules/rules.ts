// Rules of a grammar while it is made: numbers for names, so that rules without an end can be found and dropped before they are written.
// llama.cpp reads an unproductive rule without complaint, and a text of it never ends.

import { UnsupportedSchema } from "../unsupported-schema.ts";

/** A number is a rule; a text is a terminal in GBNF. */
export type GrammarPart = number | string;
export type Sequence = readonly GrammarPart[];

export interface Rules {
  /** A rule to be defined later, for one that leads back to itself. */
  reserve(): number;
  define(rule: number, alternatives: readonly Sequence[]): void;
  /** Defines a rule that was reserved as the one that has these alternatives already, or as one that others may be taken for. */
  settle(rule: number, alternatives: readonly Sequence[]): void;
  /** A rule that is defined at once; one with the same alternatives is taken again. */
  add(alternatives: readonly Sequence[]): number;
  /** The rule of this key: made once. */
  once(key: string, make: (rule: number) => readonly Sequence[]): number;
  readonly bodies: readonly (readonly Sequence[])[];
  /**
   * Rules of which several alternatives may begin with the same text, and hold other values. Those of a count have the item: they are as one
   * rule where it holds no such rule in turn.
   */
  readonly forks: Map<number, number | undefined>;
}

/** While they are made; those that are left when all are known are counted anew. */
const MOST_MADE = 40_000;
const MOST_MADE_A_SCHEMA = 2_000;

/** `schemas`: how many share the rules. */
export function createRules(schemas = 1): Rules {
  const bodies: (readonly Sequence[])[] = [];
  const equal = new Map<string, number>();
  const keyed = new Map<string, number>();
  const reserve = (): number => {
    if (bodies.length >= MOST_MADE + MOST_MADE_A_SCHEMA * schemas) throw new UnsupportedSchema("", "", "it takes too many rules");
    return bodies.push([]) - 1;
  };
  const define = (rule: number, alternatives: readonly Sequence[]): void => {
    bodies[rule] = alternatives;
  };
  return {
    bodies,
    forks: new Map(),
    reserve,
    define,
    add(alternatives) {
      const key = sequencesKey(alternatives);
      const known = equal.get(key);
      if (known !== undefined) return known;
      const rule = reserve();
      define(rule, alternatives);
      equal.set(key, rule);
      return rule;
    },
    settle(rule, alternatives) {
      const key = sequencesKey(alternatives);
      const known = equal.get(key);
      if (known === undefined) equal.set(key, rule);
      define(rule, known === undefined ? alternatives : [[known]]);
    },
    once(key, make) {
      const known = keyed.get(key);
      if (known !== undefined) return known;
      const rule = reserve();
      keyed.set(key, rule);
      define(rule, make(rule));
      return rule;
    },
  };
}

/** The same text for the same alternatives. */
export function sequencesKey(alternatives: readonly Sequence[]): string {
  let key = "";
  for (const sequence of alternatives) {
    key += "|";
    for (const part of sequence) key += ` ${part}`;
  }
  return key;
}

/** A text in quotes, as GBNF reads it: NUL would cut the grammar. */
export const literal = (text: string): string => `"${TO_ESCAPE.test(text) ? text.replaceAll(ALL_TO_ESCAPE, escaped) : text}"`;

// eslint-disable-next-line no-control-regex
const TO_ESCAPE = /[\u0000-\u001f"\\\u007f]/;
const ALL_TO_ESCAPE = new RegExp(TO_ESCAPE, "g");

const escaped = (character: string): string =>
  character === '"' || character === "\\"
    ? `\\${character}`
    : `\\x${character.charCodeAt(0).toString(16).padStart(2, "0").toUpperCase()}`;

/** All rules of which a text of these rules may have a part; themselves only where one leads there. */
export function rulesWithin(bodies: Rules["bodies"], ...some: number[]): Set<number> {
  const within = new Set<number>();
  const pending = [...some];
  while (pending.length > 0)
    for (const part of bodies[pending.pop()!]!.flat()) {
      if (typeof part === "string" || within.has(part)) continue;
      within.add(part);
      pending.push(part);
    }
  return within;
}

/** Which rules are, or lead to, one of some: 1 by the number of each. */
export function rulesThatHold(bodies: Rules["bodies"], some: Iterable<number>): Uint8Array {
  const holding = new Uint8Array(bodies.length);
  const users = new Map<number, number[]>();
  for (const [rule, alternatives] of bodies.entries())
    for (const part of alternatives.flat())
      if (typeof part === "number") {
        const known = users.get(part);
        if (known === undefined) users.set(part, [rule]);
        else known.push(rule);
      }
  const pending = [...some];
  while (pending.length > 0) {
    const rule = pending.pop()!;
    if (holding[rule] === 1) continue;
    holding[rule] = 1;
    pending.push(...(users.get(rule) ?? []));
  }
  return holding;
}
