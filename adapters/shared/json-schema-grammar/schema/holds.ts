// Whether a constant of a schema fits what the schema says beside it.
import { dfaOf } from "../regex/dfa.ts";
import { type GrammarWork, spend, TooManyStates } from "../regex/work.ts";
import { takes } from "../regex/takes.ts";
import { UnsupportedSchema } from "../unsupported-schema.ts";
import {
  type AlternativesOf,
  type ConstantsAlternative,
  type Holds,
  type TypedAlternative,
  elementGoal,
  type Goal,
  joinGoals,
  type NumberAlternative,
  type ObjectAlternative,
  patternLanguage,
  type StringAlternative,
} from "./alternatives.ts";
import { compareDecimals, decimalOf, isMultiple } from "./decimal.ts";
import { isObject } from "./subschemas.ts";
import { propertyGoal } from "./property-goal.ts";

const DEEPEST = 100;

/** `report`: a pattern that takes too many states, which then holds. */
export function createHolds(
  alternativesOf: AlternativesOf,
  work: GrammarWork,
  report: (pointer: string, keyword: string, reason: string) => void,
): Holds {
  const fits = (value: unknown, goal: Goal, depth: number): boolean =>
    goal.length === 0 || alternativesOf(goal).some((alternative) => holds(value, alternative, depth + 1));
  /** What holds for parts of a value: alternatives that hold each other ask for it again and again. */
  const known = new WeakMap<object, Map<TypedAlternative, boolean>>();
  const holds = (value: unknown, alternative: TypedAlternative, depth: number): boolean => {
    spend(work, 1);
    if (typeof value !== "object" || value === null) return fitsAlternative(value, alternative, depth);
    const of_value = known.get(value) ?? new Map<TypedAlternative, boolean>();
    known.set(value, of_value);
    const found = of_value.get(alternative) ?? fitsAlternative(value, alternative, depth);
    of_value.set(alternative, found);
    return found;
  };
  const fitsAlternative = (value: unknown, alternative: TypedAlternative, depth: number): boolean => {
    if (depth > DEEPEST) throw new UnsupportedSchema("", "enum", `a constant is deeper than ${DEEPEST}`);
    switch (alternative.type) {
      case "constants":
        return isListed(value, alternative);
      case "null":
        return value === null;
      case "boolean":
        return typeof value === "boolean";
      case "number":
        return typeof value === "number" && numberHolds(value, alternative);
      case "string": {
        if (typeof value !== "string") return false;
        if (!lengthHolds(value, alternative)) return false;
        return patternsHold(value, alternative, work, report);
      }
      case "array":
        if (!Array.isArray(value) || value.length < alternative.min || value.length > alternative.max) return false;
        return value.every((element, i) => fits(element, elementGoal(alternative, i), depth));
      default:
        return isObject(value) && objectHolds(value, alternative, work, (part, goal) => fits(part, goal, depth));
    }
  };
  return (value, alternatives) => alternatives.some((alternative) => holds(value, alternative, 0));
}

function patternsHold(
  text: string,
  alternative: StringAlternative,
  work: GrammarWork,
  report: (pointer: string, keyword: string, reason: string) => void,
): boolean {
  const last = alternative.patterns.at(-1);
  if (last === undefined) return true;
  try {
    return takes(dfaOf(patternLanguage(alternative), work), text);
  } catch (error) {
    if (!(error instanceof TooManyStates)) throw error;
    report(last.pointer, last.keyword, "it takes too many states");
    return patternsHold(text, { ...alternative, patterns: alternative.patterns.slice(0, -1) }, work, report);
  }
}

function lengthHolds(text: string, { min, max }: { min: number; max: number }): boolean {
  if (min === 0 && max === Infinity) return true;
  const length = Array.from(text).length;
  return min <= length && length <= max;
}

function numberHolds(value: number, { integer, min, max, multiples }: NumberAlternative): boolean {
  if (integer && !Number.isInteger(value)) return false;
  const decimal = decimalOf(value);
  if (min !== undefined && compareDecimals(decimal, min.value) < (min.exclusive ? 1 : 0)) return false;
  if (max !== undefined && compareDecimals(decimal, max.value) > (max.exclusive ? -1 : 0)) return false;
  return multiples.every(({ of }) => isMultiple(decimal, of));
}

function objectHolds(
  value: { readonly [name: string]: unknown },
  alternative: ObjectAlternative,
  work: GrammarWork,
  fits: (part: unknown, goal: Goal) => boolean,
): boolean {
  const names = Object.keys(value);
  if (names.length < alternative.min || names.length > alternative.max) return false;
  if (!alternative.required.every((name) => Object.hasOwn(value, name))) return false;
  if (!alternative.dependent.every(({ name, needs }) => !Object.hasOwn(value, name) || Object.hasOwn(value, needs))) return false;
  return names.every(
    (name) => fits(name, alternative.names) && fits(value[name], joinGoals(propertyGoal(alternative.layers, name, work))),
  );
}

interface Listed {
  plain: ReadonlySet<unknown>;
  /** The canonical texts of lists and objects. */
  structured: ReadonlySet<string>;
}

const known_lists = new WeakMap<ConstantsAlternative, Listed>();

function isListed(value: unknown, constants: ConstantsAlternative): boolean {
  const { plain, structured } = known_lists.get(constants) ?? listOf(constants);
  return isStructured(value) ? structured.has(canonical(value)) : plain.has(value);
}

function listOf(constants: ConstantsAlternative): Listed {
  const { values } = constants;
  const structured = new Set(values.filter(isStructured).map(canonical));
  const listed = { plain: new Set(values.filter((value) => !isStructured(value))), structured };
  known_lists.set(constants, listed);
  return listed;
}

const isStructured = (value: unknown): boolean => typeof value === "object" && value !== null;

/** The same text for equal values, whatever the order of their names. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const names = Object.keys(value).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join()}}`;
}
