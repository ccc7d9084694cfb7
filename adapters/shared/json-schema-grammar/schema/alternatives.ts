// What a schema permits, as a union of alternatives of one JSON type each: a keyword without a type binds only its own type.
import type { TextLanguage } from "../regex/dfa.ts";
import type { BoundedRegex } from "../formats.ts";
import { ANY_TEXT, type Regex } from "../regex/regex.ts";
import type { Decimal } from "./decimal.ts";

export type JsonSchema = boolean | { readonly [keyword: string]: unknown };

/** A schema at its place. The same object is the same node. */
export interface SchemaNode {
  id: number;
  schema: JsonSchema;
  pointer: string;
  /** The URI that its references are relative to. */
  base: string;
}

/** All of these hold; sorted by id, each once. None: any value. */
export type Goal = readonly SchemaNode[];

export interface KeywordPlace {
  pointer: string;
  keyword: string;
}

/** As a path within the schema: a keyword that has no name is the schema at the pointer. */
export const placePath = ({ pointer, keyword }: KeywordPlace): string => (keyword === "" ? pointer : `${pointer}/${keyword}`);

export interface NumberBound {
  value: Decimal;
  exclusive: boolean;
  place: KeywordPlace;
}

export interface NumberAlternative {
  type: "number";
  integer: boolean;
  min?: NumberBound;
  max?: NumberBound;
  multiples: readonly (KeywordPlace & { of: Decimal })[];
}

export interface TextPattern extends KeywordPlace {
  regex: Regex;
  excluded?: boolean;
  /** What is written of it where the length is bounded. */
  bounded?: BoundedRegex;
}

export interface StringAlternative {
  type: "string";
  /** In characters, as code points. */
  min: number;
  max: number;
  /** Where they stand; absent where any length fits. */
  bounds?: KeywordPlace;
  patterns: readonly TextPattern[];
}

export interface ArrayLayer {
  prefix: readonly SchemaNode[];
  /** Of the elements behind the prefix; absent: any. */
  items?: SchemaNode;
}

export interface ArrayAlternative {
  type: "array";
  min: number;
  max: number;
  layers: readonly ArrayLayer[];
}

/** The keywords of one schema that look at each other: what is additional depends on its own properties alone. */
export interface ObjectLayer {
  properties: ReadonlyMap<string, SchemaNode>;
  patterns: readonly { source: string; regex: Regex; node: SchemaNode; place: KeywordPlace }[];
  additional?: SchemaNode;
}

export interface ObjectAlternative {
  type: "object";
  min: number;
  max: number;
  layers: readonly ObjectLayer[];
  required: readonly string[];
  /** Which names a name needs beside it. */
  dependent: readonly { name: string; needs: string }[];
  /** What names have to be. */
  names: Goal;
  /** Where `minProperties` stands, should it not be possible to hold it. */
  min_place?: KeywordPlace;
}

/** Values that a schema lists. */
export interface ConstantsAlternative {
  type: "constants";
  values: readonly unknown[];
  /** Where the first of them are listed. */
  place: KeywordPlace;
}

export type TypedAlternative =
  | { type: "null" }
  | { type: "boolean" }
  | ConstantsAlternative
  | NumberAlternative
  | StringAlternative
  | ArrayAlternative
  | ObjectAlternative;

/** The alternatives of a goal. */
export type AlternativesOf = (goal: Goal) => readonly TypedAlternative[];
export type Holds = (value: unknown, alternatives: readonly TypedAlternative[]) => boolean;

export const anyNumber: NumberAlternative = { type: "number", integer: false, multiples: [] };
export const anyString: StringAlternative = { type: "string", min: 0, max: Infinity, patterns: [] };
export const anyArray: ArrayAlternative = { type: "array", min: 0, max: Infinity, layers: [] };
export const anyObject: ObjectAlternative = {
  ...{ type: "object", min: 0, max: Infinity },
  ...{ layers: [], required: [], dependent: [], names: [] },
};
export const ANYTHING: readonly TypedAlternative[] = [
  { type: "null" },
  { type: "boolean" },
  anyNumber,
  anyString,
  anyArray,
  anyObject,
];

/** Alternatives of schemas that say nothing beside their type: the same objects for all, so that their rules are made once. */
export const PLAIN: ReadonlyMap<unknown, readonly TypedAlternative[]> = new Map<unknown, readonly TypedAlternative[]>([
  ["null", [{ type: "null" }]],
  ["boolean", [{ type: "boolean" }]],
  ["integer", [{ ...anyNumber, integer: true }]],
  ["number", [anyNumber]],
  ["string", [anyString]],
  ["array", [anyArray]],
  ["object", [anyObject]],
]);

export function joinGoals(...goals: (Goal | SchemaNode | undefined)[]): Goal {
  const [only, ...others] = goals;
  if (others.length === 0 && only !== undefined && "schema" in only) return only.schema === true ? [] : [only];
  const nodes = new Map<number, SchemaNode>();
  for (const node of goals.flat() as (SchemaNode | undefined)[])
    if (node !== undefined && node.schema !== true) nodes.set(node.id, node);
  return [...nodes.values()].sort((one, other) => one.id - other.id);
}

export const goalKey = (goal: Goal): string => goal.map(({ id }) => id).join(".");

export const isNothing = (goal: Goal): boolean => goal.some(({ schema }) => schema === false);

/** The texts of an alternative, but for its lengths. */
/** What is excluded says nothing of the characters that it does not name. */
export const patternLanguage = ({ patterns }: StringAlternative): TextLanguage => {
  const excludes = patterns.filter(({ excluded }) => excluded).map(({ regex }) => regex);
  const matches = patterns.filter(({ excluded }) => !excluded).map(({ regex }) => regex);
  return { matches: matches.length === 0 && excludes.length > 0 ? [ANY_TEXT] : matches, excludes };
};

/** The same where the characters of a format are too many states to be counted: shorter texts, of less of the format, that fit as well. */
export function countable(alternative: StringAlternative): StringAlternative {
  const { patterns, min, max } = alternative;
  const longest = Math.min(max, ...patterns.map(({ bounded }) => bounded?.longest ?? Infinity));
  if (max === Infinity || min > longest) return alternative;
  return { ...alternative, max: longest, patterns: patterns.map((pattern) => ({ ...pattern, ...pattern.bounded })) };
}

/** What an element of an array has to be. */
export const elementGoal = ({ layers }: ArrayAlternative, index: number): Goal =>
  joinGoals(...layers.map(({ prefix, items }) => prefix[index] ?? items));
