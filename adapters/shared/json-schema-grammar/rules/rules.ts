// Rules of a grammar while it is made: numbers for names, so that rules without an end can be found and dropped before they are written.
// llama.cpp reads an unproductive rule without complaint, and a text of it never ends.

/** A number is a rule; a text is a terminal in GBNF. */
export type Part = number | string;
export type Sequence = readonly Part[];

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

export function createRules(): Rules {
  const bodies: (readonly Sequence[])[] = [];
  const equal = new Map<string, number>();
  const keyed = new Map<string, number>();
  const reserve = (): number => bodies.push([]) - 1;
  const define = (rule: number, alternatives: readonly Sequence[]): void => {
    bodies[rule] = alternatives;
  };
  return {
    bodies,
    reserve,
    define,
    add(alternatives) {
      const key = `${alternatives.length}:${alternatives.map((sequence) => sequence.join(" ")).join(" | ")}`;
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

/** A text in quotes, as GBNF reads it. */
export function literal(text: string): string {
  return `"${Array.from(text, (character) => escapeCharacter(character.codePointAt(0)!, '"')).join("")}"`;
}

/** NUL would cut the grammar, and brackets end a class. */
export function escapeCharacter(codePoint: number, quotes: string): string {
  if (codePoint < 0x20 || codePoint === 0x7f) return `\\x${codePoint.toString(16).padStart(2, "0").toUpperCase()}`;
  const character = String.fromCodePoint(codePoint);
  return character === "\\" || quotes.includes(character) ? `\\${character}` : character;
}
