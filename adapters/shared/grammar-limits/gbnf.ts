// Reads a grammar in llama.cpp's GBNF into the rules that llama.cpp makes of it, so that its cost is known before native code sees it.
// Source: https://github.com/ggml-org/llama.cpp/blob/master/grammars/README.md and what llama.cpp v0.5.0 was seen to take.

export class GrammarError extends Error {
  override readonly name = "GrammarError";
}

/** What one character, or one token by its name, has to be. */
export interface Terminal {
  /** Pairs of code points, both included; `negated`: any other. A token of the vocabulary has none. */
  ranges: [number, number][];
  negated: boolean;
}

/** A number is the index of a rule. */
export type Element = Terminal | number;
export type Alternative = readonly Element[];

export interface Grammar {
  /** Alternatives of each rule: those with names, and those that groups and repetitions become. */
  rules: Alternative[][];
  root: number;
}

const MOST_RULES = 6_000;
const MOST_ELEMENTS = 100_000;
const DEEPEST_GROUP = 64;
const LAST_CHARACTER = 0x10ffff;
/** llama.cpp takes a higher maximum for none, and refuses a higher minimum. */
const MOST_REPETITIONS = 2_000;

/** For a model with so many tokens in its vocabulary. Throws `GrammarError` with the reason, which begins in lower case. */
export function parseGrammar(text: string, vocab_size: number): Grammar {
  const rules: (Alternative[] | undefined)[] = [];
  const names = new Map<string, number>();
  let elements = 0;
  let at = 0;

  const fail = (reason: string): never => {
    throw new GrammarError(`${reason} in line ${text.slice(0, at).split("\n").length}`);
  };
  const newRule = (alternatives?: Alternative[]): number => {
    if (rules.length >= MOST_RULES) fail(`more than ${MOST_RULES} rules, with those of its groups and repetitions,`);
    return rules.push(alternatives) - 1;
  };
  const ruleNamed = (name: string): number => {
    const known = names.get(name) ?? newRule();
    names.set(name, known);
    return known;
  };
  const count = (more: number): void => {
    elements += more;
    if (elements > MOST_ELEMENTS) fail(`more than ${MOST_ELEMENTS} characters and references, with its repetitions written out,`);
  };
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0];
    if (found !== undefined) at += found.length;
    return found;
  };
  const skipSpace = (newlines: boolean): void => void take(newlines ? SPACE_AND_NEWLINES : SPACE);

  const parseCharacter = (): number => {
    const written = take(ESCAPE);
    if (written !== undefined) {
      const escaped = unescape(written);
      return escaped > LAST_CHARACTER ? fail("a character beyond U+10FFFF") : escaped;
    }
    const code = text.codePointAt(at);
    if (code === undefined || code === 0x5c) return fail("an unknown escape");
    at += code > 0xffff ? 2 : 1;
    return code;
  };
  const parseLiteral = (): Element[] => {
    const characters: Element[] = [];
    for (at++; text[at] !== '"'; characters.push(character(parseCharacter()))) {
      if (at >= text.length) fail("a text without its closing quote");
    }
    at++;
    return characters;
  };
  const parseClass = (): Terminal => {
    const ranges: [number, number][] = [];
    const negated = take(/\[\^?/y) === "[^";
    while (text[at] !== "]") {
      if (at >= text.length) fail("a class without its closing bracket");
      const first = parseCharacter();
      const ranged = text[at] === "-" && text[at + 1] !== "]";
      if (ranged) at++;
      const final = ranged ? parseCharacter() : first;
      if (final < first) fail("a class with a range that ends before it begins");
      ranges.push([first, final]);
    }
    if (ranges.length === 0 && !negated) fail("a class of no characters");
    at++;
    return { ranges, negated };
  };
  const parseItem = (depth: number): Element[] | undefined => {
    const next = text[at];
    if (next === '"') return parseLiteral();
    if (next === "[") return [parseClass()];
    if (next === ".") return (at++, [ANY]);
    if (next === "(") {
      if (depth >= DEEPEST_GROUP) fail(`groups that are more than ${DEEPEST_GROUP} deep`);
      at++;
      skipSpace(true);
      const group = newRule(parseAlternatives(depth + 1));
      if (text[at] !== ")") fail("a group without its closing parenthesis");
      at++;
      return [group];
    }
    const token = take(TOKEN);
    if (token !== undefined) {
      const number = /\[(\d+)\]/.exec(token)?.[1];
      if (Number(number) >= vocab_size) fail(`the token ${number!.slice(0, 20)}, which the model has not`);
      return [SPECIAL_TOKEN];
    }
    const name = take(NAME);
    return name === undefined ? undefined : [ruleNamed(name)];
  };
  const parseRepetition = (): [number, number] | undefined => {
    const found = take(REPETITION);
    if (found === undefined) return text[at] === "{" ? fail("a repetition that cannot be read") : undefined;
    if (found === "*") return [0, Infinity];
    if (found === "+") return [1, Infinity];
    if (found === "?") return [0, 1];
    const [, least, comma, most] = /(\d+)\s*(,?)\s*(\d*)/.exec(found)!;
    const min = Number(least);
    const max = comma === "" ? min : most === "" ? Infinity : Number(most);
    if (max < min) fail(`a repetition {${min},${max}} whose maximum is below its minimum`);
    if (min > MOST_REPETITIONS || (max !== Infinity && max > MOST_REPETITIONS)) {
      fail(`a repetition of more than ${MOST_REPETITIONS} times`);
    }
    return [min, max];
  };
  /** Written out as llama.cpp does: `x{1,3}` is `x r`, `r ::= x s |`, `s ::= x |`. */
  const repeat = (item: Element[], [min, max]: [number, number]): Element[] => {
    count(item.length * (max === Infinity ? min + 1 : max));
    const required = Array.from({ length: min }, () => item).flat();
    if (max === Infinity) {
      const more = newRule();
      rules[more] = [[...item, more], []];
      return [...required, more];
    }
    let optional: number | undefined;
    for (let i = min; i < max; i++) optional = newRule([optional === undefined ? item : [...item, optional], []]);
    return optional === undefined ? required : [...required, optional];
  };
  const parseSequence = (depth: number): Alternative => {
    const sequence: Element[] = [];
    for (let item = parseItem(depth); item !== undefined; item = parseItem(depth)) {
      count(item.length);
      skipSpace(depth > 0);
      for (let times = parseRepetition(); times !== undefined; times = parseRepetition()) {
        item = repeat(item, times);
        skipSpace(depth > 0);
      }
      sequence.push(...item);
    }
    return sequence;
  };
  const parseAlternatives = (depth: number): Alternative[] => {
    const alternatives = [parseSequence(depth)];
    while (text[at] === "|") {
      at++;
      skipSpace(true);
      alternatives.push(parseSequence(depth));
    }
    return alternatives;
  };

  // llama.cpp reads a grammar up to such a character.
  if (text.includes("\0")) throw new GrammarError("it holds a NUL character");
  skipSpace(true);
  while (at < text.length) {
    const name = take(NAME) ?? fail("something that is not a rule");
    skipSpace(false);
    if (take(/::=/y) === undefined) fail(`no "::=" behind "${name.slice(0, 40)}"`);
    skipSpace(true);
    rules[ruleNamed(name)] = parseAlternatives(0);
    if (at < text.length && take(/\r?\n/y) === undefined) fail(`something unexpected: "${text.slice(at, at + 20)}"`);
    skipSpace(true);
  }
  for (const [name, index] of names) {
    if (rules[index] === undefined) throw new GrammarError(`the rule "${name.slice(0, 40)}" is used and not defined`);
  }
  const root = names.get("root");
  if (root === undefined) throw new GrammarError(`no rule is called "root"`);
  return { rules: rules as Alternative[][], root };
}

const SPACE = /(?:[ \t]|#[^\r\n]*)*/y;
const SPACE_AND_NEWLINES = /(?:[ \t\r\n]|#[^\r\n]*)*/y;
const NAME = /[a-zA-Z0-9-]+/y;
const TOKEN = /!?<(?:\[\d+\]|[^>\r\n]*)>/y;
const ESCAPE = /\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[tnr\\"[\]])/y;
const REPETITION = /[*+?]|\{\s*\d+\s*(?:,\s*\d*\s*)?\}/y;

const ANY: Terminal = { ranges: [], negated: true };
/** No character is one, so that the alternatives behind it are never taken for others. */
const SPECIAL_TOKEN: Terminal = { ranges: [], negated: false };

const character = (code: number): Terminal => ({ ranges: [[code, code]], negated: false });

function unescape(written: string): number {
  if (/^\\[xuU]/.test(written)) return Number.parseInt(written.slice(2), 16);
  return { t: 9, n: 10, r: 13 }[written[1]!] ?? written.codePointAt(1)!;
}
