// Rules that each schema has: white space, characters of texts, numbers of any kind.
import { ANY_CHARACTER, type CodePoints, complement, intersection } from "../regex/code-points.ts";
import { characterClass } from "../rules/class.ts";
import { literal, type GrammarPart, type Rules } from "../rules/rules.ts";
import type { Spelling } from "../rules/text-rules.ts";

export interface CommonRules {
  /** Behind a bracket or a comma, and before a closing bracket. */
  gap: number;
  colon: number;
  /** One character of a text, in every spelling that JSON has for it. */
  character: number;
  /** Characters in their one canonical spelling, up to the quotes behind the text. */
  spelling: Spelling;
  /** Characters but some, in that spelling. */
  allBut(characters: readonly string[]): GrammarPart[];
}

/** Deeper than any nesting is indented: unbounded, small models go on with spaces for ever. */
const DEEPEST_INDENT = 40;

export function commonRules(rules: Rules): CommonRules {
  const gap = rules.add([[], ['" "'], ['"\\n"', `[ ]{0,${DEEPEST_INDENT}}`]]);
  const colon = rules.add([['":"'], ['": "']]);
  const hex = "[0-9A-Fa-f]";
  const unit = rules.add([
    ["[0-9A-CEFa-cef]", hex, hex, hex],
    ["[Dd] [0-7]", hex, hex],
    // Half of a pair is no character.
    ["[Dd] [89ABab]", hex, hex, '"\\\\u"', "[Dd] [C-Fc-f]", hex, hex],
  ]);
  const character = rules.add([[PLAIN], ['"\\\\"', '["\\\\/bfnrt]'], ['"\\\\u"', unit]]);
  const escaped = rules.add([
    ['"\\\\"', '["\\\\bfnrt]'],
    ['"\\\\u000"', "[0-7bef]"],
    ['"\\\\u001"', "[0-9a-f]"],
  ]);
  const known = new Map<CodePoints, GrammarPart[]>([[ANY_CHARACTER, [PLAIN, escaped]]]);
  const spell = (set: CodePoints): GrammarPart[] => {
    const plain = plainPart(set);
    const needed = ESCAPED.filter(([codePoint]) => set.some(([first, final]) => first <= codePoint && codePoint <= final));
    return [
      ...(plain === undefined ? [] : [plain]),
      ...(needed.length === ESCAPED.length ? [escaped] : needed.map(([, spelled]) => literal(spelled))),
    ];
  };
  const spelling: Spelling = {
    of(set) {
      const parts = known.get(set) ?? spell(set);
      known.set(set, parts);
      return parts;
    },
    end: ['"\\""'],
  };
  const allBut = (characters: readonly string[]): GrammarPart[] => {
    const others = ESCAPED.filter(([codePoint]) => !characters.includes(String.fromCharCode(codePoint)));
    const parts = others.length === ESCAPED.length ? [escaped] : others.map(([, spelled]) => literal(spelled));
    return [
      `[^\\x00-\\x1F\\x22\\x5C${characterClass(characters.map((character) => [character.codePointAt(0)!, character.codePointAt(0)!])).slice(1)}`,
      ...parts,
    ];
  };
  return { gap, colon, character, spelling, allBut };
}

const ESCAPED: [codePoint: number, spelled: string][] = [...Array(0x20).keys(), 0x22, 0x5c].map((codePoint) => [
  codePoint,
  JSON.stringify(String.fromCodePoint(codePoint)).slice(1, -1),
]);

const PLAIN_IN_JSON: CodePoints = intersection(
  ANY_CHARACTER,
  complement([
    [0, 0x1f],
    [0x22, 0x22],
    [0x5c, 0x5c],
  ]),
);

const PLAIN = characterClass(PLAIN_IN_JSON);

/** Undefined where each of the characters has to be escaped. */
function plainPart(set: CodePoints): string | undefined {
  const isPlain = set.every(([first, final]) => PLAIN_IN_JSON.some(([from, to]) => from <= first && final <= to));
  const plain = isPlain ? set : intersection(set, PLAIN_IN_JSON);
  return plain.length > 0 ? characterClass(plain) : undefined;
}
