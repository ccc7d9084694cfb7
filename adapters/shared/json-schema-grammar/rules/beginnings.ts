// What the texts of rules may begin with: alternatives that begin with different kinds of characters are told apart at once.
import type { GrammarPart, Rules, Sequence } from "./rules.ts";

/** Bits of kinds of characters; a part of an empty text has `NULLABLE` beside them. */
const KINDS = ['"', "{", "[", "t", "f", "n", ",", "]", "}", ":"];
const NUMBER = 1 << KINDS.length;
const SPACE = NUMBER << 1;
const OTHER = SPACE << 1;
const ANY = (OTHER << 1) - 1;
const NULLABLE = OTHER << 1;

/** Texts of a rule that are compared one by one. */
const MOST_TEXTS = 200;

export interface Beginnings {
  /** False where the first characters, or listed texts, tell two sequences apart. */
  mayBeAlike(one: Sequence, other: Sequence): boolean;
  /** All pairs of which this may be so. `spend` gets the steps, before they are taken. */
  pairsAlike(ways: readonly Sequence[], spend: (steps: number) => void): AlikePair[];
}

export type AlikePair = readonly [one: Sequence, other: Sequence];

export function createBeginnings(bodies: Rules["bodies"]): Beginnings {
  const known = new Map<GrammarPart, number>();
  const ofPart = (part: GrammarPart): number => {
    let kinds = known.get(part);
    if (kinds === undefined) {
      kinds = typeof part === "string" ? ofTerminal(part) : bodies[part]!.reduce((all, body) => all | ofSequence(body), 0);
      known.set(part, kinds);
    }
    return kinds;
  };
  const ofSequence = (sequence: Sequence): number => {
    let kinds = 0;
    for (const part of sequence) {
      const own = ofPart(part);
      kinds |= own & ANY;
      if ((own & NULLABLE) === 0) return kinds;
    }
    return kinds | NULLABLE;
  };
  const listed = new Map<GrammarPart | undefined, ReadonlySet<string> | undefined>();
  /** Undefined where they are no list. */
  const textsOf = (part: GrammarPart | undefined): ReadonlySet<string> | undefined => {
    if (!listed.has(part)) {
      listed.set(part, undefined);
      listed.set(part, listTexts(part));
    }
    return listed.get(part);
  };
  const listTexts = (part: GrammarPart | undefined): ReadonlySet<string> | undefined => {
    if (part === undefined) return undefined;
    if (typeof part === "string") return isLiteral(part) ? new Set([part.slice(1, -1)]) : undefined;
    const found = new Set<string>();
    for (const body of bodies[part]!) {
      let texts: readonly string[] = [""];
      for (const next of body) {
        const more = textsOf(next);
        if (more === undefined || texts.length * more.size > MOST_TEXTS) return undefined;
        texts = texts.flatMap((text) => Array.from(more, (end) => text + end));
      }
      for (const text of texts) found.add(text);
      if (found.size > MOST_TEXTS) return undefined;
    }
    return found;
  };
  const mayBeAlike = (one: Sequence, other: Sequence): boolean => {
    if ((ofSequence(one) & ofSequence(other) & ANY) === 0) return false;
    const [texts, others] = [textsOf(one[0]), textsOf(other[0])];
    return texts === undefined || others === undefined || Array.from(texts).some((text) => others.has(text));
  };
  const pairsAlike: Beginnings["pairsAlike"] = (ways, spend) => {
    const [free, listed] = [true, false].map((isFree) => ways.filter(([first]) => (textsOf(first) === undefined) === isFree));
    const byText = new Map<string, Sequence[]>();
    for (const way of listed!) for (const text of textsOf(way[0])!) byText.set(text, [...(byText.get(text) ?? []), way]);
    const pairs = [...byText.values()].flatMap(allPairs);
    for (const [i, one] of free!.entries()) {
      const others = [...free!.slice(i + 1), ...listed!];
      spend(others.length);
      pairs.push(...others.filter((other) => mayBeAlike(one, other)).map((other): AlikePair => [one, other]));
    }
    return pairs;
  };
  return { mayBeAlike, pairsAlike };
}

const allPairs = (ways: readonly Sequence[]): AlikePair[] =>
  ways.flatMap((one, i) => ways.slice(i + 1).map((other): AlikePair => [one, other]));

const isLiteral = (part: GrammarPart | undefined): boolean => typeof part === "string" && part.startsWith('"');

function ofTerminal(text: string): number {
  if (isLiteral(text)) {
    const [, first, second] = text;
    const character = first === "\\" ? second! : first!;
    if (first === "\\" && character === "n") return SPACE;
    if (/[\d-]/.test(character)) return NUMBER;
    if (character === " ") return SPACE;
    const kind = KINDS.indexOf(character);
    return kind === -1 ? OTHER : 1 << kind;
  }
  if (/^\[[\d-]+\]$/.test(text)) return NUMBER;
  return /[*?]$|\{0/.test(text) ? ANY | NULLABLE : ANY;
}
