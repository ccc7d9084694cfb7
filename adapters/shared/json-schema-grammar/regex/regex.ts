// Regular expressions as trees. A tree matches whole texts, where assertions do not say otherwise.
import type { Dfa } from "./automaton.ts";
import { ANY_CHARACTER, type CodePoints, single } from "./code-points.ts";

/** What no grammar can hold, or what is no regular expression. */
export class UnsupportedRegex extends Error {
  override readonly name = "UnsupportedRegex";
}

export type Regex =
  | { set: CodePoints }
  | { all: readonly Regex[] }
  | { any: readonly Regex[] }
  | { repeat: Regex; min: number; max: number }
  /** The beginning or the end of the whole text. */
  | { at: "start" | "end" }
  /** What the rest of the text begins with, or must not begin with. */
  | { ahead: Regex; negated: boolean }
  | { dfa: Dfa };

export const set = (codePoints: CodePoints): Regex => ({ set: codePoints });
export const all = (...parts: Regex[]): Regex => ({ all: parts });
export const any = (...parts: Regex[]): Regex => ({ any: parts });
export const repeat = (part: Regex, min: number, max: number): Regex => ({ repeat: part, min, max });
export const optional = (part: Regex): Regex => repeat(part, 0, 1);

export const EMPTY: Regex = { all: [] };
/** Matches no text at all. */
export const NOTHING: Regex = { any: [] };
export const ANY_TEXT = repeat(set(ANY_CHARACTER), 0, Infinity);

export const textRegex = (text: string): Regex => all(...Array.from(text, (character) => set(single(character.codePointAt(0)!))));

/** Texts of so many characters. */
export const lengthRegex = (min: number, max: number): Regex => repeat(set(ANY_CHARACTER), min, max);
