// Sets of characters that patterns have names for.
import { ANY_CHARACTER, type CodePointRange, type CodePoints, complement, intersection, union } from "./code-points.ts";

const DIGITS: CodePoints = [[0x30, 0x39]];
const WORD: CodePoints = union(DIGITS, [[0x41, 0x5a]], [[0x5f, 0x5f]], [[0x61, 0x7a]]);
const SPACES: CodePoints = union(
  ...([[[0x09, 0x0d]], [[0x20, 0x20]], [[0xa0, 0xa0]], [[0x1680, 0x1680]], [[0x2000, 0x200a]]] satisfies CodePoints[]),
  ...([
    [[0x2028, 0x2029]],
    [[0x202f, 0x202f]],
    [[0x205f, 0x205f]],
    [[0x3000, 0x3000]],
    [[0xfeff, 0xfeff]],
  ] satisfies CodePoints[]),
);

const ESCAPES: Record<string, CodePoints> = { "\\d": DIGITS, "\\w": WORD, "\\s": SPACES };

/** The characters of an escape as it stands in a pattern, such as `\d` or `\P{L}`. */
export function charactersOf(escape: string): CodePoints {
  const own = ESCAPES[escape.toLowerCase()] ?? charactersWith(positive(escape));
  return /^\\[DWSP]/.test(escape) ? intersection(complement(own), ANY_CHARACTER) : own;
}

/** Whether the characters of a property are at hand. */
export const isKnown = (escape: string): boolean => properties.has(positive(escape));

const positive = (escape: string): string => escape.toLowerCase().slice(0, 2) + escape.slice(2);

const properties = new Map<string, CodePoints>();

/** Planes that have characters at all. */
const SEGMENTS: CodePointRange[] = [
  [0, 0xd7ff],
  [0xe000, 0xffff],
  [0x10000, 0x1ffff],
  [0x20000, 0x2ffff],
  [0x30000, 0x3ffff],
  [0xe0000, 0xeffff],
  [0xf0000, 0xfffff],
  [0x100000, 0x10ffff],
];

const UNASSIGNED: CodePointRange = [0x40000, 0xdffff];

/** No list of a property's characters is at hand but the engine of regular expressions itself. */
function charactersWith(escape: string): CodePoints {
  const known = properties.get(escape);
  if (known !== undefined) return known;
  const runs = new RegExp(`${escape}+`, "gu");
  const ranges = SEGMENTS.flatMap(([first, final]) => {
    const text = textOfRange(first, final);
    const width = first > 0xffff ? 2 : 1;
    return Array.from(text.matchAll(runs), ({ index, 0: run }): CodePointRange => [
      first + index / width,
      first + (index + run.length) / width - 1,
    ]);
  });
  // Between those planes no character has any other property than being none.
  if (new RegExp(escape, "u").test(String.fromCodePoint(UNASSIGNED[0]))) ranges.push(UNASSIGNED);
  const set = union(ranges);
  properties.set(escape, set);
  return set;
}

function textOfRange(first: number, final: number): string {
  let text = "";
  for (let from = first; from <= final; from += 0x1000) {
    const count = Math.min(0x1000, final - from + 1);
    text += String.fromCodePoint(...Array.from({ length: count }, (_, i) => from + i));
  }
  return text;
}
