// ECMA-262's regular expressions into trees.
import { type AST, RegExpParser } from "@eslint-community/regexpp";
import { charactersOf, isKnown } from "./character-sets.ts";
import { ANY_CHARACTER, type CodePoints, complement, intersection, single, union } from "./code-points.ts";
import { type GrammarWork, spend } from "./work.ts";
import { withRest } from "./look-ahead.ts";
import { all, any, ANY_TEXT, EMPTY, type Regex, repeat, set, UnsupportedRegex } from "./regex.ts";

const STEPS_A_CHARACTER = 100;
/** To find out which characters have a property. */
const STEPS_A_PROPERTY = 1_000_000;

/** Texts that have a match anywhere, as `pattern` of JSON Schema means it. */
export function searchRegex(source: string, work: GrammarWork): Regex {
  const regex = shortest(shortest(treeOf(source, work), "first"), "last");
  return all(ANY_TEXT, withRest(regex, ANY_TEXT, { isAtStart: false, work }));
}

/** A repetition at the edge is as short as it may be: the rest is part of the text beside it. */
function shortest(regex: Regex, edge: "first" | "last"): Regex {
  if ("repeat" in regex) return isPlain(regex.repeat) ? repeat(regex.repeat, regex.min, regex.min) : regex;
  if ("any" in regex) return any(...regex.any.map((part) => shortest(part, edge)));
  if (!("all" in regex) || regex.all.length === 0) return regex;
  const parts = edge === "first" ? regex.all : regex.all.toReversed();
  const shorter = [shortest(parts[0]!, edge), ...parts.slice(1)];
  return all(...(edge === "first" ? shorter : shorter.toReversed()));
}

/** Whether it says nothing of the beginning and the end of the whole text. */
function isPlain(regex: Regex): boolean {
  if ("repeat" in regex) return isPlain(regex.repeat);
  if ("all" in regex) return regex.all.every(isPlain);
  return "any" in regex ? regex.any.every(isPlain) : "set" in regex;
}

/** Texts that match as a whole. */
export const parseRegex = (source: string, work: GrammarWork): Regex =>
  withRest(treeOf(source, work), EMPTY, { isAtStart: true, work });

function treeOf(source: string, work: GrammarWork): Regex {
  spend(work, source.length * STEPS_A_CHARACTER);
  const pattern = parsed(source);
  for (const property of new Set(source.match(/\\[pP]\{[^}]*\}/g) ?? [])) if (!isKnown(property)) spend(work, STEPS_A_PROPERTY);
  return alternatives(pattern.alternatives);
}

function parsed(source: string): AST.Pattern {
  const parser = new RegExpParser();
  try {
    return parser.parsePattern(source, undefined, undefined, { unicode: true });
  } catch (error) {
    // Libraries write escapes that Unicode mode forbids, such as \- and \@: without it they mean the character.
    try {
      if (/\\[pPu]\{/.test(source)) throw error;
      return parser.parsePattern(source);
    } catch {
      throw new UnsupportedRegex(
        `it is no regular expression: ${(error as Error).message.replace(/^Invalid regular expression: /, "")}`,
      );
    }
  }
}

const alternatives = (found: readonly AST.Alternative[]): Regex =>
  found.length === 1 ? sequence(found[0]!) : any(...found.map(sequence));

const sequence = ({ elements }: AST.Alternative): Regex => all(...elements.map(element));

function element(node: AST.Element): Regex {
  switch (node.type) {
    case "Group":
      if (node.modifiers) throw new UnsupportedRegex("a grammar has no modifiers of groups");
      return alternatives(node.alternatives);
    case "CapturingGroup":
      return alternatives(node.alternatives);
    case "Quantifier":
      return repeat(element(node.element), node.min, node.max);
    case "Assertion":
      if (node.kind === "start" || node.kind === "end") return { at: node.kind };
      if (node.kind === "lookahead") return { ahead: alternatives(node.alternatives), negated: node.negate };
      throw new UnsupportedRegex(
        node.kind === "word" ? "a grammar has no word boundaries (\\b, \\B)" : "a grammar cannot look back ((?<=, (?<!)",
      );
    case "Backreference":
      throw new UnsupportedRegex("a grammar has no back-references");
    default:
      return set(characters(node));
  }
}

function characters(
  node:
    | AST.Character
    | AST.CharacterSet
    | AST.CharacterClass
    | AST.ExpressionCharacterClass
    | AST.CharacterClassRange
    | AST.CharacterClassElement,
): CodePoints {
  switch (node.type) {
    case "Character":
      return single(node.value);
    case "CharacterClassRange":
      return [[node.min.value, node.max.value]];
    case "CharacterClass": {
      const members = union(...node.elements.map((member) => characters(member as AST.CharacterClassElement)));
      return intersection(node.negate ? complement(members) : members, ANY_CHARACTER);
    }
    case "CharacterSet":
      if (node.kind === "any") return intersection(complement(LINE_ENDS), ANY_CHARACTER);
      return charactersOf(node.raw);
    default:
      throw new UnsupportedRegex(`a grammar has no ${node.type}`);
  }
}

const LINE_ENDS: CodePoints = [
  [0x0a, 0x0a],
  [0x0d, 0x0d],
  [0x2028, 0x2029],
];
