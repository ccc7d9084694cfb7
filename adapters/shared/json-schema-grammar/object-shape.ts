// A schema of arguments, property by property: for calls that are written as names and values, and not as one JSON object.
import {
  grammarOf,
  type OpenSchema,
  openSchema,
  type SchemaGrammar,
  type SchemaGrammarOptions,
  withinLimits,
} from "./schema-grammar.ts";
import {
  type TypedAlternative,
  anyObject,
  type Goal,
  goalKey,
  isNothing,
  joinGoals,
  type ObjectAlternative,
  patternLanguage,
  type StringAlternative,
} from "./schema/alternatives.ts";
import { isSilent } from "./schema/is-silent.ts";
import { propertyGoal } from "./schema/property-goal.ts";
import { languagesGrammar, textWith, type TextGrammar } from "./text-grammars.ts";
import type { TextLanguage } from "./regex/dfa.ts";
import { any, lengthRegex, textRegex } from "./regex/regex.ts";
import { UnsupportedSchema } from "./unsupported-schema.ts";

export type JsonType = "null" | "boolean" | "integer" | "number" | "string" | "array" | "object";

export interface ValueShape {
  /** What the value may be; a list of constants counts by its values. */
  types: readonly JsonType[];
  /** A text of any kind and length, and nothing else. */
  any_text: boolean;
  /** The value as JSON. */
  value(prefix: string): SchemaGrammar;
  /** The text as it is, without quotes, and without a marker in it; undefined where the value may be no text. */
  text(marker: string, prefix: string): TextGrammar | undefined;
}

export interface PropertyShape extends ValueShape {
  name: string;
  required: boolean;
}

export interface ObjectShape {
  /** In the order of the schema. */
  properties: readonly PropertyShape[];
  /** Of names that the schema does not name; absent where none is permitted. */
  additional?: ValueShape;
  /** Complete when all grammars are made. */
  passed_over: SchemaGrammar["passed_over"];
}

/**
 * Throws `UnsupportedSchema` as `schemaGrammar`. What only the object as a whole can hold, such as `minProperties` and a choice between objects,
 * is passed over.
 */
export const objectShape = (schema: unknown, options: Omit<SchemaGrammarOptions, "prefix">): ObjectShape =>
  withinLimits(() => readShape(schema, options));

function readShape(schema: unknown, options: Omit<SchemaGrammarOptions, "prefix">): ObjectShape {
  const opened = openSchema(schema, options);
  const { reader, document } = opened;
  const alternatives = reader.alternatives([document.root]);
  const objects = alternatives.filter((alternative) => alternative.type === "object");
  if (objects.length === 0) throw new UnsupportedSchema("", "type", "no object satisfies it");
  if (objects.length > 1) reader.report("", choiceKeyword(document.root.schema), "these calls are written property by property");
  const whole = objects.length === 1 ? objects[0]! : merged(objects);
  for (const [keyword, held] of wholeKeywords(whole))
    if (!held) reader.report("", keyword, "these calls are written property by property");
  const names = [...new Set([...whole.layers.flatMap(({ properties }) => [...properties.keys()]), ...whole.required])];
  const properties = names.flatMap((name): PropertyShape[] => {
    const required = whole.required.includes(name);
    const naming = objects.filter(
      ({ layers, required }) => required.includes(name) || layers.some(({ properties }) => properties.has(name)),
    );
    const shape = shapeOf(opened, distinct(naming.map(({ layers }) => propertyGoal(layers, name, reader.work))));
    if (shape === undefined && required) throw new UnsupportedSchema("", "required", `no value satisfies "${name}"`);
    return shape === undefined ? [] : [{ name, required, ...shape }];
  });
  const further = joinGoals(...whole.layers.map(({ additional }) => additional));
  const isClosed = isNothing(further) || objects.length > 1 || (opened.named_only && isSilent(whole) && names.length > 0);
  const additional = isClosed ? undefined : shapeOf(opened, [further]);
  return { properties, ...(additional && { additional }), passed_over: [...opened.passed_over.values()] };
}

const choiceKeyword = (schema: unknown): string => (Object.hasOwn(schema as object, "oneOf") ? "oneOf" : "anyOf");

const wholeKeywords = ({
  min,
  max,
  required,
  dependent,
  names,
  layers,
}: ObjectAlternative): [keyword: string, held: boolean][] => [
  ["minProperties", min <= required.length],
  ["maxProperties", max === Infinity],
  ["dependentRequired", dependent.length === 0],
  ["propertyNames", names.length === 0],
  ["patternProperties", layers.every(({ patterns }) => patterns.length === 0)],
];

/** What all of them have in common. */
const merged = (objects: readonly ObjectAlternative[]): ObjectAlternative => ({
  ...anyObject,
  layers: objects.flatMap(({ layers }) => layers),
  required: objects[0]!.required.filter((name) => objects.every(({ required }) => required.includes(name))),
});

function shapeOf(opened: OpenSchema, goals: readonly Goal[]): ValueShape | undefined {
  const alternatives = goals.flatMap((goal) => opened.reader.alternatives(goal));
  if (alternatives.length === 0) return undefined;
  const languages = alternatives.flatMap(textLanguages);
  const [only] = alternatives;
  return {
    types: [...new Set(alternatives.flatMap(typesOf))],
    any_text: alternatives.length === 1 && only?.type === "string" && isAnyText(only),
    value: (prefix) => withinLimits(() => grammarOf(opened, goals, prefix)),
    text: (marker, prefix) =>
      languages.length === 0
        ? undefined
        : languagesGrammar(
            languages.map(({ matches, excludes = [] }) => ({ matches, excludes: [...excludes, textWith(marker)] })),
            prefix,
          ),
  };
}

const distinct = (goals: readonly Goal[]): Goal[] => [...new Map(goals.map((goal) => [goalKey(goal), goal])).values()];

const isAnyText = ({ min, max, patterns }: StringAlternative): boolean => min === 0 && max === Infinity && patterns.length === 0;

function typesOf(alternative: TypedAlternative): JsonType[] {
  if (alternative.type === "number") return [alternative.integer ? "integer" : "number"];
  if (alternative.type !== "constants") return [alternative.type];
  return alternative.values.map((value) => {
    if (value === null) return "null";
    if (Array.isArray(value)) return "array";
    if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
    return typeof value as JsonType;
  });
}

function textLanguages(alternative: TypedAlternative): TextLanguage[] {
  if (alternative.type === "constants") {
    const texts = alternative.values.filter((value) => typeof value === "string");
    return texts.length > 0 ? [{ matches: [any(...texts.map(textRegex))] }] : [];
  }
  if (alternative.type !== "string") return [];
  const { matches, excludes = [] } = patternLanguage(alternative);
  return [{ matches: [lengthRegex(alternative.min, alternative.max), ...matches], excludes }];
}
