// From schemas to the union of what they permit.
import type { SchemaFailure } from "../../../adapter.ts";
import { createWork, type GrammarWork, spend, TooManyStates } from "../regex/work.ts";
import { UnsupportedSchema } from "../unsupported-schema.ts";
import {
  type ConstantsAlternative,
  type KeywordPlace,
  type TypedAlternative,
  ANYTHING,
  type Goal,
  goalKey,
  PLAIN,
  type SchemaNode,
} from "./alternatives.ts";
import { complement } from "./complement.ts";
import { areDisjoint } from "./disjoint.ts";
import type { SchemaDocument } from "./document.ts";
import { isObject } from "./subschemas.ts";
import { createFailureFinder } from "./failure-finder.ts";
import { createHolds } from "./holds.ts";
import { intersectAll } from "./intersect.ts";
import { isExtension, READ, SAYS_NOTHING } from "./keywords.ts";
import { type KeywordReader, readAlternatives } from "./read-keywords.ts";

export interface SchemaReader {
  work: GrammarWork;
  /** The alternatives of all that the goal's schemas say. */
  alternatives(goal: Goal): readonly TypedAlternative[];
  report(pointer: string, keyword: string, reason: string): void;
  /** What of the schema has no way to be written in a notation: reported, and at fault where nothing else can be written either. */
  leaveOut(pointer: string, keyword: string, reason: string): void;
  left_out: readonly UnsupportedSchema[];
  holds(value: unknown, alternatives: readonly TypedAlternative[]): boolean;
  /** The innermost place of the value that does not hold. */
  failure(value: unknown, goal: Goal): SchemaFailure | undefined;
}

const MOST_ALTERNATIVES = 2_000;
const DEEPEST = 200;
const STEPS_A_PAIR = 20;

export function createSchemaReader(document: SchemaDocument, onReport: SchemaReader["report"]): SchemaReader {
  let reports = 0;
  const report: SchemaReader["report"] = (...found) => {
    reports++;
    onReport(...found);
  };
  const byNode = new Map<SchemaNode, readonly TypedAlternative[]>();
  const byGoal = new Map<string, readonly TypedAlternative[]>();
  const open = new Set<SchemaNode>();

  const alternatives = (goal: Goal): readonly TypedAlternative[] => {
    const [only, ...others] = goal;
    if (only !== undefined && others.length === 0) return ofNode(only);
    const key = goalKey(goal);
    let found = byGoal.get(key);
    if (found === undefined) {
      found = goal.reduce((found, node) => both(found, ofNode(node), { pointer: node.pointer, keyword: "" }), ANYTHING);
      byGoal.set(key, found);
    }
    return found;
  };
  const work = createWork();
  const holds = createHolds(alternatives, work, report);
  /** What fits one of both. `place`: where the others stand. */
  const both = (
    ones: readonly TypedAlternative[],
    others: readonly TypedAlternative[],
    { pointer, keyword }: KeywordPlace,
  ): readonly TypedAlternative[] => {
    if (ones === ANYTHING) return others;
    if (others === ANYTHING) return ones;
    try {
      spend(work, ones.length * others.length * STEPS_A_PAIR);
      const joined = intersectAll(ones, others, holds);
      if (joined.length <= MOST_ALTERNATIVES) return joined;
    } catch (error) {
      if (!(error instanceof TooManyStates)) throw error;
    }
    throw new UnsupportedSchema(pointer, keyword, "its alternatives, beside what else the schema says, are too many");
  };

  const ofNode = (node: SchemaNode): readonly TypedAlternative[] => {
    const known = byNode.get(node);
    if (known !== undefined) return known;
    if (open.has(node)) throw new UnsupportedSchema(node.pointer, "$ref", "it leads back to itself without a value in between");
    if (open.size > DEEPEST) throw new UnsupportedSchema(node.pointer, "", `schemas within schemas are deeper than ${DEEPEST}`);
    open.add(node);
    try {
      const found = typeof node.schema === "boolean" ? (node.schema ? ANYTHING : []) : ofKeywords(node, node.schema);
      byNode.set(node, found);
      return found;
    } finally {
      open.delete(node);
    }
  };

  const ofKeywords = (node: SchemaNode, schema: KeywordReader["schema"]): readonly TypedAlternative[] => {
    const plain = saysTypeAlone(schema) ? PLAIN.get(schema["type"]) : undefined;
    if (plain !== undefined) return plain;
    const reader: KeywordReader = {
      node,
      schema,
      document,
      work,
      report: (keyword, reason) => report(node.pointer, keyword, reason),
    };
    for (const keyword of Object.keys(schema))
      if (!READ.has(keyword) && !SAYS_NOTHING.has(keyword) && !isExtension(keyword))
        reader.report(keyword, "it is no keyword that is known here");
    let found: readonly TypedAlternative[] = Object.keys(schema).some((keyword) => TYPED.has(keyword))
      ? readAlternatives(reader)
      : ANYTHING;
    for (const constants of listed(reader)) found = both([constants], found, constants.place);
    const isCombined = Object.keys(schema).some((keyword) => COMBINING.has(keyword) || keyword === "dependencies");
    return isCombined ? combined(reader, found) : found;
  };

  /** What also fits the other schemas that a schema names. */
  const combined = (reader: KeywordReader, own: readonly TypedAlternative[]): readonly TypedAlternative[] => {
    const { node, schema } = reader;
    let found = own;
    const place = (keyword: string): KeywordPlace => ({ pointer: node.pointer, keyword });
    if (typeof schema["$ref"] === "string") found = both(found, ofNode(document.resolve(node, schema["$ref"])), place("$ref"));
    else if (schema["$ref"] !== undefined) reader.report("$ref", "it is no text");
    for (const part of children(reader, "allOf")) found = both(found, ofNode(part), place("allOf"));
    for (const keyword of ["anyOf", "oneOf"]) {
      if (schema[keyword] === undefined) continue;
      const branches = children(reader, keyword).map(ofNode);
      if (branches.length === 0) {
        if (Array.isArray(schema[keyword])) reader.report(keyword, "it is empty");
        continue;
      }
      if (keyword === "oneOf" && !areDisjoint(branches, { alternatives, holds, work }))
        reader.report("oneOf", "a grammar cannot tell that a value fits no other branch");
      found = both(found, union(branches.flat()), place(keyword));
    }
    if (schema["not"] !== undefined) {
      const none = fittingNone(document.child(node, schema["not"], "not"), place("not"));
      if (none === undefined) reader.report("not", "a grammar cannot hold what is not so");
      else for (const alternatives of none) found = both(found, alternatives, place("not"));
    }
    if (schema["if"] !== undefined && ("then" in schema || "else" in schema))
      reader.report("if", "a grammar cannot hold what is not so");
    for (const [keyword, name, part] of dependentSchemas(reader)) {
      const without = document.child(node, { properties: { [name]: false } }, keyword, name);
      const needing = document.child(node, { type: "object", required: [name] }, keyword, name);
      const dependent = both(ofNode(needing), ofNode(document.child(node, part, keyword, name)), place(keyword));
      found = both(found, [...ofNode(without), ...dependent], place(keyword));
    }
    return found;
  };
  /** Undefined where it cannot be said: what is passed over, there or where it refers to, would be taken for true. */
  const fittingNone = (node: SchemaNode, place: KeywordPlace): (readonly TypedAlternative[])[] | undefined => {
    if (isObject(node.schema) && "$ref" in node.schema) return undefined;
    const before = reports;
    const negated = ofNode(node);
    return reports === before ? complement(negated, place) : undefined;
  };
  const left_out: UnsupportedSchema[] = [];
  const leaveOut: SchemaReader["leaveOut"] = (pointer, keyword, reason) => {
    report(pointer, keyword, reason);
    left_out.push(new UnsupportedSchema(pointer, keyword, reason));
  };
  const failure = createFailureFinder(alternatives, holds, work);
  return { work, alternatives, report, leaveOut, left_out, holds, failure };
}

function saysTypeAlone(schema: KeywordReader["schema"]): boolean {
  for (const keyword in schema) if (keyword !== "type" && !SAYS_NOTHING.has(keyword)) return false;
  return true;
}

/** Keywords that combine a schema with others, beside `dependencies`, some of which are names. Most schemas have none. */
const COMBINING = new Set("$ref allOf anyOf oneOf not if then else dependentSchemas".split(" "));

/** Keywords that bind values of one type, and those that stand in for them. */
const TYPED = new Set([...READ].filter((keyword) => keyword !== "enum" && keyword !== "const" && !COMBINING.has(keyword)));

function* listed({ node: { pointer }, schema, report }: KeywordReader): Generator<ConstantsAlternative> {
  const { enum: values } = schema;
  if (Array.isArray(values)) yield { type: "constants", values, place: { pointer, keyword: "enum" } };
  else if (values !== undefined) report("enum", "it is no list");
  if ("const" in schema) yield { type: "constants", values: [schema["const"]], place: { pointer, keyword: "const" } };
}

function children({ schema, node, document, report }: KeywordReader, keyword: string): SchemaNode[] {
  const list = schema[keyword];
  if (Array.isArray(list)) return list.map((part, i) => document.child(node, part, keyword, i));
  if (list !== undefined) report(keyword, "it is no list of schemas");
  return [];
}

function dependentSchemas({ schema, report }: KeywordReader): [keyword: string, name: string, part: unknown][] {
  const { dependentSchemas: parts } = schema;
  if (parts !== undefined && !isObject(parts)) report("dependentSchemas", "it is no object");
  return ["dependentSchemas", "dependencies"].flatMap((keyword) => {
    const entries = Object.entries(isObject(schema[keyword]) ? schema[keyword] : {});
    return entries.flatMap(([name, part]): [string, string, unknown][] => (Array.isArray(part) ? [] : [[keyword, name, part]]));
  });
}

/** Equal alternatives once: llama.cpp follows each of them. */
function union(alternatives: readonly TypedAlternative[]): readonly TypedAlternative[] {
  const constants = alternatives.filter(({ type }) => type === "constants") as ConstantsAlternative[];
  const values = constants.flatMap(({ values }) => values);
  const others = [...new Set(alternatives)].filter(({ type }) => type !== "constants");
  const plain = others.filter(
    ({ type }, i) => (type !== "null" && type !== "boolean") || others.findIndex((other) => other.type === type) === i,
  );
  return values.length === 0 ? plain : [{ ...constants[0]!, values }, ...plain];
}
