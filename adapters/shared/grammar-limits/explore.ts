// Walks a grammar the way llama.cpp does, with texts that keep as many readings open as it can find: llama.cpp follows all of them at every
// token, and no other answer of the model goes on meanwhile.
import { type Alternative, type Grammar, GrammarError, type Terminal } from "./gbnf.ts";

/** What is still to come, innermost first: places in alternatives. A whole text has none, and nothing next. */
interface Stack {
  id: number;
  alternative: Alternative;
  at: number;
  next: Stack | undefined;
  /** The number of the reading that was followed to it last, and what it is itself since then: cheaper than sets of stacks. */
  followed: number;
  reading: Reading | undefined;
}

/** `paths`: the ways from the beginning of a token to this stack, which llama.cpp goes one by one for a token that does not fit. */
interface Reading {
  stack: Stack;
  paths: number;
}

/** What llama.cpp compares for one token, each token of the vocabulary with each reading: about a third of a second, in which no other answer goes on. */
const MOST_COMPARISONS = 70_000_000;
const MOST_READINGS = 2_000;
/** A character is compared with so many ranges of a class in the time that the rest of a reading takes. */
const RANGES_A_READING = 8;
/** Ways to a reading within one token, for each reading that there may be. */
const MOST_PATHS_A_READING = 250;
/** Stacks made for one character. */
const MOST_WORK_A_CHARACTER = 20_000;
/** A token is taken for so many letters and digits, or for a run of one other character: vocabularies have long ones. */
const LETTERS_OF_A_TOKEN = 16;
/** Stacks made for the grammars of one request, about 50 ms. */
const MOST_WORK = 250_000;
/** What a step costs beside its stacks. */
const STEP_WORK = 8;
const LONGEST_TEXT = 48;
const MOST_CHARACTERS_TRIED = 24;

export interface GrammarBudget {
  /** How many ways a text may be read at once. */
  most_readings: number;
  /** Stacks that may still be made to find that out. */
  work: { left: number };
}

/** For all grammars of a request to a model with so many tokens in its vocabulary. */
export const createGrammarBudget = (vocab_size: number): GrammarBudget => ({
  most_readings: Math.min(MOST_READINGS, Math.floor(MOST_COMPARISONS / vocab_size)),
  work: { left: MOST_WORK },
});

/** Throws as `refuseCostlyGrammar` does, and where the budget is used up before each rule was walked: what is costly may stand behind. */
export function refuseUncheckedGrammar(grammar: Grammar, budget: GrammarBudget): void {
  refuseCostlyGrammar(grammar, budget);
  if (budget.work.left > 0) return;
  throw new GrammarError("it has too many rules to be checked: write fewer, or send a JSON Schema in response_format");
}

/** Throws `GrammarError` where a text is found that has too many readings, or a rule begins with itself. */
export function refuseCostlyGrammar(grammar: Grammar, budget: GrammarBudget): void {
  refuseLongClasses(grammar, budget);
  refuseWideRules(grammar, budget);
  walk(grammar, grammar.root, budget);
  // A costly rule may stand behind a text that the walk from the root does not find.
  for (let rule = 0; rule < grammar.rules.length && budget.work.left > 0; rule++)
    if (rule !== grammar.root) walk(grammar, rule, budget);
}

function walk({ rules }: Grammar, start: number, { most_readings: most, work }: GrammarBudget): void {
  const stacks = createStacks();
  let followed = 0;
  /** Each stack is expanded for itself, as in llama.cpp: what two of them come to is tried twice. */
  const expand = (open: Reading[]): Reading[] => {
    const readings: Reading[] = [];
    const before = followed;
    let made = 0;
    let cost = 0;
    let paths = 0;
    for (const reading of open) {
      followed++;
      const pending = [reading.stack];
      while (pending.length > 0) {
        const stack = pending.pop()!;
        if (++made > MOST_WORK_A_CHARACTER) throw tooCostly();
        const element = stack.alternative[stack.at];
        if (typeof element === "number") {
          const next = stacks.advance(stack);
          for (const alternative of rules[element]!) pending.push(stacks.at(alternative, 0, next));
          continue;
        }
        if (stack.followed === followed) continue;
        paths += reading.paths;
        if (stack.followed > before) stack.reading!.paths += reading.paths;
        else {
          readings.push((stack.reading = { stack, paths: reading.paths }));
          cost += costOf(element);
        }
        stack.followed = followed;
        if (cost > most || paths > most * MOST_PATHS_A_READING) throw tooCostly();
      }
    }
    work.left -= made + STEP_WORK;
    return readings;
  };
  let readings = expand(rules[start]!.map((alternative) => ({ stack: stacks.at(alternative, 0, stacks.end), paths: 1 })));
  let token = { of: "", length: 0 };
  for (let length = 0; length < LONGEST_TEXT && work.left > 0; length++) {
    const { character, taking } = openest(readings);
    if (taking.length === 0) return;
    const text = String.fromCodePoint(character);
    const of = /[\p{L}\d]/u.test(text) ? "letters" : text;
    const goes_on = token.of === of && !(of === "letters" && token.length === LETTERS_OF_A_TOKEN);
    token = { of, length: goes_on ? token.length + 1 : 1 };
    readings = expand(taking.map(({ stack, paths }) => ({ stack: stacks.advance(stack), paths: goes_on ? paths : 1 })));
  }
}

/** The cost of a terminal in readings; the end of a text has none. */
const costOf = (terminal: Terminal | undefined): number => 1 + Math.floor((terminal?.ranges.length ?? 0) / RANGES_A_READING);

const tooCostly = (): GrammarError =>
  new GrammarError(
    "it can be read in too many ways at once: write fewer optional parts, fewer alternatives and no repetition right within another",
  );

interface Stacks {
  /** A whole text. */
  end: Stack;
  /** A finished alternative gives way to what comes behind it, as in llama.cpp: a tail call takes no room. */
  at: (alternative: Alternative, at: number, next: Stack) => Stack;
  advance: (stack: Stack) => Stack;
}

/** More than a grammar may have of alternatives, and of places in one. */
const PLACES = 2 ** 17;

/** Makes each stack once, so that equal ones are the same object. */
function createStacks(): Stacks {
  const known = new Map<number, Stack>();
  const numbers = new Map<Alternative, number>();
  const end: Stack = { id: 0, alternative: [], at: 0, next: undefined, followed: 0, reading: undefined };
  const at: Stacks["at"] = (alternative, index, next) => {
    if (index === alternative.length) return next;
    let number = numbers.get(alternative);
    if (number === undefined) numbers.set(alternative, (number = numbers.size));
    const key = (next.id * PLACES + number) * PLACES + index;
    let stack = known.get(key);
    if (stack === undefined) {
      stack = { id: known.size + 1, alternative, at: index, next, followed: 0, reading: undefined };
      known.set(key, stack);
    }
    return stack;
  };
  return { end, at, advance: (stack) => at(stack.alternative, stack.at + 1, stack.next!) };
}

/** The character that most readings take, one that is no letter before others, and those that take it. */
function openest(readings: Reading[]): { character: number; taking: Reading[] } {
  const terminals = readings.map(({ stack }) => stack.alternative[stack.at] as Terminal | undefined);
  const only = terminals.length === 1 ? terminals[0] : undefined;
  if (only !== undefined) {
    const character = USUAL.find((usual) => takes(only, usual)) ?? only.ranges[0]?.[0];
    return character !== undefined && takes(only, character) ? { character, taking: readings } : { character: 0, taking: [] };
  }
  const counts = new Map<number, number>();
  for (const usual of USUAL) counts.set(usual, 1);
  for (const terminal of terminals)
    if (terminal !== undefined) for (const range of terminal.ranges) counts.set(range[0], (counts.get(range[0]) ?? 0) + 1);
  let character = 0;
  let count = 0;
  for (let tried = 0; tried < MOST_CHARACTERS_TRIED && counts.size > 0 && count < terminals.length; tried++) {
    const likeliest = mostFrequent(counts);
    counts.delete(likeliest);
    let taking = 0;
    for (const terminal of terminals) if (terminal !== undefined && takes(terminal, likeliest)) taking++;
    if (taking > count) [character, count] = [likeliest, taking];
  }
  if (count === 0) return { character, taking: [] };
  return { character, taking: readings.filter((_, i) => terminals[i] !== undefined && takes(terminals[i], character)) };
}

/** The first of them that has the highest count. */
function mostFrequent(counts: ReadonlyMap<number, number>): number {
  let found = 0;
  let most = 0;
  counts.forEach((count, character) => {
    if (count > most) [found, most] = [character, count];
  });
  return found;
}

/** Characters for classes that name only what they exclude. */
const USUAL = [..." -a0"].map((character) => character.codePointAt(0)!);

function takes({ ranges, negated }: Terminal, character: number): boolean {
  for (const range of ranges) if (range[0] <= character && character <= range[1]) return !negated;
  return negated;
}

/** llama.cpp refuses such rules too, but takes all memory where it finds them only behind rules that may be empty. */
function refuseLeftRecursion(rules: Alternative[][], nullable: ReadonlySet<number>): void {
  const state = new Uint8Array(rules.length);
  const [ENTERED, LEFT] = [1, 2];
  for (let start = 0; start < rules.length; start++) {
    const path: { rule: number; begins: Iterator<number> }[] = [];
    const enterRule = (rule: number): void => {
      if (state[rule] === ENTERED) throw new GrammarError("a rule begins with itself: write the repetition with * or +");
      if (state[rule] === LEFT) return;
      state[rule] = ENTERED;
      path.push({ rule, begins: beginnings(rules[rule]!, nullable) });
    };
    enterRule(start);
    while (path.length > 0) {
      const { rule, begins } = path.at(-1)!;
      const next = begins.next();
      if (next.done) {
        state[rule] = LEFT;
        path.pop();
      } else enterRule(next.value);
    }
  }
}

/** Throws `GrammarError` where a class alone has too many ranges, wherever it stands. */
function refuseLongClasses({ rules }: Grammar, { most_readings: most }: GrammarBudget): void {
  for (const element of rules.flat(2)) {
    if (typeof element === "number" || costOf(element) <= most) continue;
    throw new GrammarError(`a class has ${element.ranges.length} characters and ranges: name fewer, or those that it excludes`);
  }
}

/** Throws `GrammarError` where a rule alone begins in too many ways, wherever it stands, or begins with itself. */
function refuseWideRules({ rules }: Grammar, { most_readings: most }: GrammarBudget): void {
  const nullable = nullableRules(rules);
  refuseLeftRecursion(rules, nullable);
  const known = new Map<number, number>();
  const waysInto = (rule: number): number => {
    const found = known.get(rule);
    if (found !== undefined) return found;
    let ways = 0;
    for (const alternative of rules[rule]!) {
      for (const element of alternative) {
        ways += typeof element === "number" ? waysInto(element) : costOf(element);
        if (ways > most) throw tooCostly();
        if (typeof element !== "number" || !nullable.has(element)) break;
      }
    }
    known.set(rule, ways);
    return ways;
  };
  for (const rule of rules.keys()) waysInto(rule);
}

/** The rules that a text of these alternatives may begin with. */
function* beginnings(alternatives: Alternative[], nullable: ReadonlySet<number>): Generator<number, void, undefined> {
  for (const alternative of alternatives) {
    for (const element of alternative) {
      if (typeof element !== "number") break;
      yield element;
      if (!nullable.has(element)) break;
    }
  }
}

function nullableRules(rules: Alternative[][]): Set<number> {
  const nullable = new Set<number>();
  const users = new Map<number, number[]>();
  for (const [rule, alternatives] of rules.entries()) {
    for (const element of alternatives.flat()) {
      if (typeof element !== "number") continue;
      const known = users.get(element);
      if (known === undefined) users.set(element, [rule]);
      else known.push(rule);
    }
  }
  const pending = [...rules.keys()];
  while (pending.length > 0) {
    const rule = pending.pop()!;
    if (nullable.has(rule)) continue;
    const empty = rules[rule]!.some((alternative) =>
      alternative.every((element) => typeof element === "number" && nullable.has(element)),
    );
    if (!empty) continue;
    nullable.add(rule);
    pending.push(...(users.get(rule) ?? []));
  }
  return nullable;
}
