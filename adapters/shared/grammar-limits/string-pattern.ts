// A regular expression of a JSON Schema as llama-server turns it into the grammar of a JSON string. Its own conversion takes `\d` for any
// string, and lets `.` and classes write quotes, backslashes and control characters as they are, at which the string ends or breaks.
import { GrammarError, parseGrammar, type Terminal } from "./gbnf.ts";
import { classGrammar, PATTERN_PART } from "./pattern-parts.ts";

/** Characters that stand in a JSON string as escapes alone. */
const ESCAPED: [number, number][] = [
  [0, 0x1f],
  [0x22, 0x22],
  [0x5c, 0x5c],
];

/** `pattern`: one that `refuseCostlyPattern` lets pass. Throws `GrammarError` where a string needs an escape to match. */
export function toStringPattern(pattern: string): string {
  return pattern.replaceAll(PATTERN_PART, (part) => {
    const set = classGrammar(part);
    if (set !== undefined) return classWithoutEscapes(set);
    const [first = "", second] = part;
    const character = first === "\\" ? second! : first;
    if (isEscaped(character.codePointAt(0)!) || /^\\[nrt]/.test(part)) throw needsEscape();
    // Other escapes llama-server takes for no pattern at all.
    return first === "\\" && !/[$()*+.?[\]^{|}]/.test(character) ? character : part;
  });
}

function classWithoutEscapes(set: string): string {
  const { ranges, negated } = parseGrammar(`root ::= ${set}`).rules[0]![0]![0] as Terminal;
  if (negated) return writeClass([...ranges, ...ESCAPED], "^");
  const left = ranges.flatMap(withoutEscaped);
  if (left.length === 0) throw needsEscape();
  return writeClass(left);
}

/** What is left of a range. */
function withoutEscaped(range: [number, number]): [number, number][] {
  return ESCAPED.reduce(
    (parts, [first, final]) =>
      parts.flatMap(([from, to]): [number, number][] => [
        ...(from < first ? [[from, Math.min(to, first - 1)] as [number, number]] : []),
        ...(to > final ? [[Math.max(from, final + 1), to] as [number, number]] : []),
      ]),
    [range],
  );
}

const isEscaped = (code: number): boolean => ESCAPED.some(([first, final]) => first <= code && code <= final);

const needsEscape = (): GrammarError =>
  new GrammarError("a quote, a backslash or a control character, which a JSON string has as an escape alone, cannot be honoured");

const writeClass = (ranges: [number, number][], negation = ""): string =>
  `[${negation}${ranges.map(([first, final]) => (first === final ? write(first) : `${write(first)}-${write(final)}`)).join("")}]`;

function write(code: number): string {
  const character = String.fromCodePoint(code);
  if (/[\w ]/.test(character)) return character;
  return code > 0xffff ? `\\U${hex(code, 8)}` : code > 0xff ? `\\u${hex(code, 4)}` : `\\x${hex(code, 2)}`;
}

const hex = (code: number, digits: number): string => code.toString(16).toUpperCase().padStart(digits, "0");
