// What all rules of values have in common, and how values are written: as JSON, or as a model writes the arguments of its calls.
import type { Regex } from "../regex/regex.ts";
import type { Rules, Sequence } from "../rules/rules.ts";
import type { Goal, TypedAlternative } from "../schema/alternatives.ts";
import type { SchemaReader } from "../schema/alternatives-of.ts";
import type { CommonRules } from "./common-rules.ts";

export interface Emitter {
  rules: Rules;
  reader: SchemaReader;
  common: CommonRules;
  /** Where a schema names properties and says nothing of others, no other one is written: models invent them without an end. */
  named_only: boolean;
  /** The rule of a value that fits the goal, in the notation of what holds it; its alternatives are written later. */
  value(goal: Goal): number;
  /** The rule of a value of one of the alternatives. */
  valueIn(notation: Notation, alternatives: readonly TypedAlternative[]): number;
}

export interface Notation {
  /** What tells its rules from those of other notations. */
  key: string;
  /**
   * The ways to write values of the alternative, which stands beside others; none where it has no way to, which `leaveOut` of the emitter's
   * reader has been told.
   */
  sequences(emitter: Emitter, alternative: TypedAlternative, beside: readonly TypedAlternative[]): Sequence[];
}

/** What stands around and between the elements of an array. */
export interface ArrayForm {
  open: Sequence;
  /** In front of the first element, and of each further one. */
  first: Sequence;
  between: Sequence;
  /** The end, also of an array without elements. */
  close: Sequence;
  element(value: number): Sequence;
}

/** What stands around and between the members of an object. */
export interface ObjectForm {
  open: Sequence;
  first: Sequence;
  between: Sequence;
  close: Sequence;
  /** What follows `open` where there are no members. */
  none: Sequence;
  /** Undefined where there is no way to write the name. */
  member(name: string, goal: Goal): Sequence | undefined;
  /** Names that the schema does not name; absent where there is no way to write them. */
  further?: { names: NameSpelling; member(name: number, goal: Goal): Sequence };
  /** Members come in the order of their names, and not in that of the schema. */
  sorted?: boolean;
}

/** Rules of names, without what stands before them. */
export interface NameSpelling {
  /** Of a name that is none of those. */
  other(known: readonly string[]): number;
  /** Throws `TooManyStates`. */
  of(language: NameLanguage): number;
}

export interface NameLanguage {
  matches: Regex[];
  excludes: Regex[];
}
