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
  /** A rule that is defined at once; one with the same alternatives is taken again. */
  add(alternatives: readonly Sequence[]): number;
  /** The rule of this key: made once. */
  once(key: string, make: (rule: number) => readonly Sequence[]): number;
  readonly bodies: readonly (readonly Sequence[])[];
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
    reserve,
    define,
    add(alternatives) {
      let key = "";
      for (const sequence of alternatives) {
        key += "|";
        for (const part of sequence) key += ` ${part}`;
      }
      const known = equal.get(key);
      if (known !== undefined) return known;
      const rule = reserve();
      define(rule, alternatives);
      equal.set(key, rule);
      return rule;
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

/** A text in quotes, as GBNF reads it: NUL would cut the grammar. */
export const literal = (text: string): string => `"${text.replace(TO_ESCAPE, escaped)}"`;

// eslint-disable-next-line no-control-regex
const TO_ESCAPE = /[\u0000-\u001f"\\\u007f]/g;

const escaped = (character: string): string =>
  character === '"' || character === "\\"
    ? `\\${character}`
    : `\\x${character.charCodeAt(0).toString(16).padStart(2, "0").toUpperCase()}`;
