// Sets of code points, as sorted ranges that neither touch nor overlap.

/** Both ends are included. */
export type CodePointRange = readonly [first: number, final: number];
export type CodePoints = readonly CodePointRange[];

export const LAST_CODE_POINT = 0x10ffff;
const SURROGATES: CodePointRange = [0xd800, 0xdfff];

/** Every character that a text in UTF-8 can have. */
export const ANY_CHARACTER: CodePoints = [
  [0, SURROGATES[0] - 1],
  [SURROGATES[1] + 1, LAST_CODE_POINT],
];

export const single = (codePoint: number): CodePoints => [[codePoint, codePoint]];

export function union(...sets: CodePoints[]): CodePoints {
  const sorted = sets.flat().sort(([one], [other]) => one - other);
  const joined: [number, number][] = [];
  for (const [first, final] of sorted) {
    const last = joined.at(-1);
    if (last !== undefined && first <= last[1] + 1) last[1] = Math.max(last[1], final);
    else joined.push([first, final]);
  }
  return joined;
}

export function complement(set: CodePoints): CodePoints {
  const others: CodePointRange[] = [];
  let next = 0;
  for (const [first, final] of set) {
    if (first > next) others.push([next, first - 1]);
    next = final + 1;
  }
  if (next <= LAST_CODE_POINT) others.push([next, LAST_CODE_POINT]);
  return others;
}

export function intersection(one: CodePoints, other: CodePoints): CodePoints {
  const common: CodePointRange[] = [];
  for (let i = 0, j = 0; i < one.length && j < other.length;) {
    const [[first, final], [otherFirst, otherFinal]] = [one[i]!, other[j]!];
    if (Math.max(first, otherFirst) <= Math.min(final, otherFinal))
      common.push([Math.max(first, otherFirst), Math.min(final, otherFinal)]);
    if (final < otherFinal) i++;
    else j++;
  }
  return common;
}
