// Classes of characters in GBNF.
import type { CodePoints } from "../regex/code-points.ts";

const known = new WeakMap<CodePoints, string>();

/** In hexadecimal beyond ASCII: two characters that look alike are told apart, and no reader of the grammar joins marks to letters. */
export function characterClass(set: CodePoints): string {
  const found =
    known.get(set) ??
    `[${set.map(([first, final]) => (first === final ? bound(first) : `${bound(first)}-${bound(final)}`)).join("")}]`;
  known.set(set, found);
  return found;
}

function bound(codePoint: number): string {
  const character = String.fromCodePoint(codePoint);
  if (/[A-Za-z0-9 _.,:;!#$%&'()*+/<=>?@`{|}~]/.test(character)) return character;
  const digits = codePoint.toString(16).toUpperCase();
  if (codePoint <= 0xff) return `\\x${digits.padStart(2, "0")}`;
  if (codePoint <= 0xffff) return `\\u${digits.padStart(4, "0")}`;
  return `\\U${digits.padStart(8, "0")}`;
}
