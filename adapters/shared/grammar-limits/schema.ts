// Refuses JSON Schemas whose grammar costs llama-server its memory or its time: bounds that are looked at before an engine is asked.
import { GrammarError } from "./gbnf.ts";
import { type GrammarBudget, refuseCostlyGrammar, refuseWideRules } from "./explore.ts";
import { refuseCostlyPattern } from "./pattern.ts";
import { isSchema, propertiesOf, schemaGrammar, type Subschema } from "./schema-grammar.ts";

/** Levels of subschemas, references followed. */
const DEEPEST = 32;
/** Items and characters that all bounds together write out. */
const MOST_REPETITIONS = 50_000;
const MOST_OF_ONE = 2_000;
/** llama.cpp writes for each what may follow it: 2,000 in one object take it seconds. */
const MOST_OPTIONAL = 1_000;

const BOUNDS = [
  ["minItems", "maxItems"],
  ["minLength", "maxLength"],
  ["minProperties", "maxProperties"],
  ["minimum", "maximum"],
  ["exclusiveMinimum", "exclusiveMaximum"],
] as const;
const COUNTED = ["minItems", "maxItems", "minLength", "maxLength"];
/** Where subschemas are: alone, in a list, by names. */
const ONE = ["items", "additionalProperties", "additionalItems", "not", "contains", "propertyNames", "if", "then", "else"];
const LISTS = ["anyOf", "oneOf", "allOf", "prefixItems", "items"];
const MAPS = ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"];
/** What stands for the schema itself, with no character of a value between. */
const ALTERNATIVES = ["anyOf", "oneOf", "allOf"];

/** Throws `GrammarError` with the reason and the place, such as `#/properties/name`. */
export function refuseCostlySchema(root: unknown, budget: GrammarBudget): void {
  const { most_readings } = budget;
  const resolveHere = (reference: string): Subschema | undefined => resolve(reference, root);
  const depths = new Map<Subschema, number>();
  const alternatives = new Map<Subschema, number>();
  let repetitions = 0;

  const check = (schema: Subschema, place: string): void => {
    for (const [least, most] of BOUNDS) {
      const [min, max] = [schema[least], schema[most]];
      if (typeof min !== "number" || typeof max !== "number" || min <= max) continue;
      fail(place, `"${most}" ${max} is below "${least}" ${min}`);
    }
    for (const name of COUNTED) {
      const value = schema[name];
      if (typeof value !== "number") continue;
      if (name.startsWith("min") && value > MOST_OF_ONE) fail(place, `"${name}" ${value} is above ${MOST_OF_ONE}`);
      repetitions += Math.min(Math.abs(value), MOST_OF_ONE);
      if (repetitions > MOST_REPETITIONS) fail(place, `its bounds write out more than ${MOST_REPETITIONS} items and characters`);
    }
    if (propertiesOf(schema, resolveHere).filter(({ required }) => !required).length > MOST_OPTIONAL)
      fail(place, `more than ${MOST_OPTIONAL} of its properties may be left out`);
    if (schema.type === "integer" || (Array.isArray(schema.type) && schema.type.includes("integer"))) checkInteger(schema, place);
    if (typeof schema.pattern === "string") checkPattern(schema.pattern, place, budget);
  };

  /** Checks every subschema once; answers with the levels below. */
  const depthOf = (schema: Subschema, place: string, level: number): number => {
    const known = depths.get(schema);
    if (known !== undefined && level + known <= DEEPEST) return known;
    if (level > DEEPEST) fail(place, `it is more than ${DEEPEST} levels deep, references followed`);
    if (known === undefined) check(schema, place);
    // A reference back to what is being looked at goes no deeper.
    depths.set(schema, 0);
    let deepest = 0;
    for (const [inner, name] of subschemas(schema, root)) {
      deepest = Math.max(deepest, 1 + depthOf(inner, name.startsWith("#") ? name : `${place}/${name}`, level + 1));
    }
    depths.set(schema, deepest);
    return deepest;
  };

  /** Each reference through anyOf, oneOf and allOf is counted anew. */
  const alternativesOf = (schema: Subschema, place: string): number => {
    const known = alternatives.get(schema);
    if (known === IN_PROGRESS) fail(place, "it refers to itself and to nothing else");
    if (known !== undefined) return known;
    alternatives.set(schema, IN_PROGRESS);
    let sum = Array.isArray(schema.enum) ? schema.enum.length : 1;
    const refuseMany = (): void => {
      if (sum > most_readings) fail(place, `it has more than ${most_readings} alternatives, references followed`);
    };
    refuseMany();
    for (const [inner, name] of subschemas(schema, root)) {
      if (!name.startsWith("#") && !ALTERNATIVES.some((keyword) => name.startsWith(keyword))) continue;
      sum += alternativesOf(inner, place);
      refuseMany();
    }
    alternatives.set(schema, sum);
    return sum;
  };

  if (!isSchema(root)) return;
  depthOf(root, "#", 0);
  for (const schema of depths.keys()) alternativesOf(schema, "#");
  const grammar = schemaGrammar(root, resolveHere);
  // Without a choice, no text is read in more ways than its rules begin in.
  if ([...depths.keys()].some(hasChoice)) refuseCostlyGrammar(grammar, budget);
  else refuseWideRules(grammar, budget);
}

const IN_PROGRESS = -1;

const hasChoice = (schema: Subschema): boolean => ALTERNATIVES.some((name) => name in schema) || Array.isArray(schema.type);

/** llama.cpp writes rules without end for bounds that it cannot count with, and rules that no text fits where no integer lies between them. */
function checkInteger(schema: Subschema, place: string): void {
  const bound = (name: string, otherwise: number): number => {
    const value = schema[name];
    if (typeof value !== "number") return otherwise;
    if (Math.abs(value) >= TOO_LARGE) fail(place, `"${name}" ${value} is beyond the integers of 64 bits: leave it out`);
    return value;
  };
  const least = Math.max(Math.ceil(bound("minimum", -Infinity)), Math.floor(bound("exclusiveMinimum", -Infinity)) + 1);
  const most = Math.min(Math.floor(bound("maximum", Infinity)), Math.ceil(bound("exclusiveMaximum", Infinity)) - 1);
  if (least > most) fail(place, "no integer lies between its bounds");
}

const TOO_LARGE = 2 ** 63;

function checkPattern(pattern: string, place: string, budget: GrammarBudget): void {
  try {
    refuseCostlyPattern(pattern, budget);
  } catch (error) {
    if (!(error instanceof GrammarError)) throw error;
    fail(place, `the pattern ${JSON.stringify(pattern.slice(0, 100))} cannot be honoured: ${error.message}`);
  }
}

/** With their names; that of a referenced one is its reference. */
function* subschemas(schema: Subschema, root: unknown): Generator<[Subschema, string], void, undefined> {
  const { $ref } = schema;
  if (typeof $ref === "string") {
    const target = resolve($ref, root);
    if (target !== undefined) yield [target, $ref.slice(0, 100)];
  }
  for (const name of ONE) if (isSchema(schema[name])) yield [schema[name], name];
  for (const name of LISTS) {
    const list = schema[name];
    if (Array.isArray(list)) for (const [i, inner] of list.entries()) if (isSchema(inner)) yield [inner, `${name}/${i}`];
  }
  for (const name of MAPS) {
    const map = schema[name];
    if (isSchema(map))
      for (const [key, inner] of Object.entries(map)) if (isSchema(inner)) yield [inner, `${name}/${key.slice(0, 100)}`];
  }
}

function resolve(reference: string, root: unknown): Subschema | undefined {
  if (!reference.startsWith("#")) return undefined;
  let found: unknown = root;
  for (const part of reference.slice(1).split("/").filter(Boolean)) {
    if (!isSchema(found) && !Array.isArray(found)) return undefined;
    found = Object.hasOwn(found, part) ? (found as Subschema)[part] : undefined;
  }
  return isSchema(found) ? found : undefined;
}

function fail(place: string, reason: string): never {
  throw new GrammarError(`at ${place.length > 100 ? `${place.slice(0, 100)}…` : place} ${reason}`);
}
