// The keywords of one schema that bind values of one type.
import { boundedRegex, formatRange, formatRegex } from "../formats.ts";
import { dfaOf } from "../regex/dfa.ts";
import { searchRegex } from "../regex/parse.ts";
import { type Regex, UnsupportedRegex } from "../regex/regex.ts";
import { type GrammarWork, TooManyStates } from "../regex/work.ts";
import {
  type TypedAlternative,
  anyArray,
  anyNumber,
  anyObject,
  anyString,
  type ArrayLayer,
  type NumberAlternative,
  type NumberBound,
  type ObjectLayer,
  type SchemaNode,
  type StringAlternative,
  type TextPattern,
} from "./alternatives.ts";
import { decimalOf } from "./decimal.ts";
import type { SchemaDocument } from "./document.ts";
import { isObject } from "./subschemas.ts";
import { isEmptyRange, tighter } from "./intersect.ts";
import { UnsupportedSchema } from "../unsupported-schema.ts";

export interface KeywordReader {
  node: SchemaNode;
  schema: { readonly [keyword: string]: unknown };
  document: SchemaDocument;
  work: GrammarWork;
  /** The keyword cannot be enforced: it is passed over, or its request is refused. */
  report(keyword: string, reason: string): void;
}

const TYPES = ["null", "boolean", "integer", "number", "string", "array", "object"];

/** One alternative of each type that the schema permits. */
export function readAlternatives(reader: KeywordReader): readonly TypedAlternative[] {
  const types = readTypes(reader);
  const has = (type: string): boolean => types === undefined || types.includes(type);
  const alternatives: TypedAlternative[] = [];
  if (has("null")) alternatives.push({ type: "null" });
  if (has("boolean")) alternatives.push({ type: "boolean" });
  if (has("number") || has("integer")) alternatives.push(readNumber(reader, has("number")));
  if (has("string")) alternatives.push(readString(reader));
  if (has("array")) alternatives.push(readArray(reader));
  if (has("object")) alternatives.push(readObject(reader));
  return alternatives;
}

function readTypes({ schema, report }: KeywordReader): string[] | undefined {
  const { type, nullable } = schema;
  if (type === undefined) return undefined;
  const types = [type].flat();
  if (nullable !== undefined && typeof nullable !== "boolean") report("nullable", "it is neither true nor false");
  if (types.length === 0) report("type", "it names none");
  const unknown = types.find((name) => !TYPES.includes(name as string));
  if (unknown === undefined && types.length > 0) return (nullable === true ? [...types, "null"] : types) as string[];
  if (unknown !== undefined) report("type", `${JSON.stringify(unknown)} is no type of JSON Schema: ${TYPES.join(", ")} are`);
  return undefined;
}

function readNumber(reader: KeywordReader, takesFractions: boolean): NumberAlternative {
  const { schema, node } = reader;
  const bound = (keyword: string): number | undefined => {
    const value = schema[keyword];
    if (value === undefined || (typeof value === "boolean" && keyword.startsWith("exclusive"))) return undefined;
    if (typeof value === "number" && Number.isFinite(value)) return value;
    reader.report(keyword, "it is no number");
    return undefined;
  };
  const boundOf = (keyword: string, exclusive: boolean): NumberBound | undefined => {
    const value = bound(keyword);
    return value === undefined ? undefined : { value: decimalOf(value), exclusive, place: { pointer: node.pointer, keyword } };
  };
  const range = formatRange(schema["format"]);
  const formatBound = (units: bigint): NumberBound => ({
    ...{ value: { units, scale: 0 }, exclusive: false, place: { pointer: node.pointer, keyword: "format" } },
  });
  // In draft 4 the exclusive keywords are flags of the others.
  const least = tighter(boundOf("minimum", schema["exclusiveMinimum"] === true), boundOf("exclusiveMinimum", true), 1);
  const most = tighter(boundOf("maximum", schema["exclusiveMaximum"] === true), boundOf("exclusiveMaximum", true), -1);
  const min = tighter(least, range && formatBound(range.min), 1);
  const max = tighter(most, range && formatBound(range.max), -1);
  if (isEmptyRange(min, max)) {
    const keyword = max?.exclusive ? "exclusiveMaximum" : "maximum";
    throw new UnsupportedSchema(node.pointer, keyword, "no number is between it and the lower bound");
  }
  const multiple = bound("multipleOf");
  if (multiple !== undefined && multiple <= 0) reader.report("multipleOf", "it is not above 0");
  const multiples =
    multiple !== undefined && multiple > 0 ? [{ pointer: node.pointer, keyword: "multipleOf", of: decimalOf(multiple) }] : [];
  return { ...anyNumber, integer: !takesFractions || range !== undefined, ...(min && { min }), ...(max && { max }), multiples };
}

function readString(reader: KeywordReader): StringAlternative {
  const { schema, node } = reader;
  const patterns: TextPattern[] = [];
  const { pattern, format } = schema;
  if (typeof pattern === "string") {
    const regex = readRegex(reader, pattern, "pattern");
    if (regex !== undefined) patterns.push({ pointer: node.pointer, keyword: "pattern", regex });
  } else if (pattern !== undefined) reader.report("pattern", "it is no text");
  if (format !== undefined) {
    const regex = typeof format === "string" ? formatRegex(format) : undefined;
    if (regex === undefined) reader.report("format", `${JSON.stringify(format)} is no format that is known here`);
    else if (regex !== "any") {
      const bounded = boundedRegex(format as string);
      patterns.push({ pointer: node.pointer, keyword: "format", regex, ...(bounded && { bounded }) });
    }
  }
  const lengths = readLengths(reader, "minLength", "maxLength");
  const keyword = lengths.max < Infinity ? "maxLength" : "minLength";
  const bounds = (lengths.min > 0 || lengths.max < Infinity) && { bounds: { pointer: node.pointer, keyword } };
  return { ...anyString, ...lengths, ...bounds, patterns };
}

/** Undefined where it is passed over. */
function readRegex({ work, report }: KeywordReader, source: string, keyword: string): Regex | undefined {
  try {
    const regex = searchRegex(source, work);
    // Names are compared with these patterns wherever there is an object; a pattern of texts is given up where it is used.
    if (keyword === "patternProperties") dfaOf({ matches: [regex] }, work);
    return regex;
  } catch (error) {
    if (error instanceof UnsupportedRegex) report(keyword, error.message);
    else if (error instanceof TooManyStates) report(keyword, "it takes too many states");
    else throw error;
    return undefined;
  }
}

/** Lengths beyond this make more rules than is fair; no answer is so long. */
const LONGEST = 1_000_000;

function readLengths(reader: KeywordReader, least: string, most: string): { min: number; max: number } {
  const count = (keyword: string): number | undefined => {
    const value = reader.schema[keyword];
    if (value === undefined) return undefined;
    if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= LONGEST) return value;
    reader.report(keyword, `it is no whole number from 0 to ${LONGEST}`);
    return undefined;
  };
  const [min, max] = [count(least) ?? 0, count(most) ?? Infinity];
  if (min > max) throw new UnsupportedSchema(reader.node.pointer, most, `it is less than "${least}"`);
  return { min, max };
}

function readArray(reader: KeywordReader): TypedAlternative {
  const { schema, node, document } = reader;
  const { items, prefixItems } = schema;
  const child = (keyword: string): SchemaNode | undefined =>
    schema[keyword] === undefined ? undefined : document.child(node, schema[keyword], keyword);
  // Until draft 2019-09 a list in `items` was what `prefixItems` is.
  const list = Array.isArray(items) ? "items" : "prefixItems";
  const prefix = Array.isArray(schema[list]) ? schema[list].map((item, i) => document.child(node, item, list, i)) : [];
  if (prefixItems !== undefined && !Array.isArray(prefixItems)) reader.report("prefixItems", "it is no list");
  const beyond = Array.isArray(items) ? child("additionalItems") : child("items");
  const unevaluated = beyond ?? (standsAlone(reader, "unevaluatedItems") ? child("unevaluatedItems") : undefined);
  const lengths = readLengths(reader, "minItems", "maxItems");
  const { uniqueItems } = schema;
  if (uniqueItems === true && lengths.max > 1) reader.report("uniqueItems", "a grammar cannot compare elements");
  else if (uniqueItems !== undefined && typeof uniqueItems !== "boolean")
    reader.report("uniqueItems", "it is neither true nor false");
  if (schema["contains"] !== undefined && (schema["minContains"] !== 0 || schema["maxContains"] !== undefined))
    reader.report("contains", "a grammar cannot count the elements that fit");
  const layer: ArrayLayer = { prefix, ...(unevaluated && { items: unevaluated }) };
  return { ...anyArray, ...lengths, layers: prefix.length > 0 || layer.items ? [layer] : [] };
}

const APPLICATORS = ["$ref", "allOf", "anyOf", "oneOf", "not", "if", "dependentSchemas", "contains", "dependencies"];

/** Unevaluated is what additional is, where no other schema evaluates anything. */
function standsAlone({ schema, report }: KeywordReader, keyword: string): boolean {
  if (schema[keyword] === undefined || schema[keyword] === true) return false;
  if (APPLICATORS.every((other) => schema[other] === undefined)) return true;
  report(keyword, "a grammar does not know what other keywords have evaluated");
  return false;
}

function readObject(reader: KeywordReader): TypedAlternative {
  const { schema, node, document } = reader;
  const entries = (keyword: string): [string, unknown][] => {
    const value = schema[keyword];
    if (value === undefined) return [];
    if (isObject(value)) return Object.entries(value);
    reader.report(keyword, "it is no object");
    return [];
  };
  const properties = new Map(
    entries("properties").map(([name, property]) => [name, document.child(node, property, "properties", name)]),
  );
  const patterns = entries("patternProperties").flatMap(([source, property]) => {
    const regex = readRegex(reader, source, "patternProperties");
    if (regex === undefined) return [];
    const place = { pointer: node.pointer, keyword: "patternProperties" };
    return [{ source, regex, node: document.child(node, property, "patternProperties", source), place }];
  });
  // A pattern that is passed over may have fitted what is then additional.
  const whole = patterns.length === entries("patternProperties").length;
  const keyword = schema["additionalProperties"] !== undefined ? "additionalProperties" : "unevaluatedProperties";
  const named = keyword === "additionalProperties" ? schema[keyword] !== undefined : standsAlone(reader, keyword);
  const additional = named && whole ? document.child(node, schema[keyword], keyword) : undefined;
  const namesIn = (list: unknown, keyword: string): string[] => {
    if (Array.isArray(list) && list.every((name) => typeof name === "string")) return list;
    reader.report(keyword, "it is no list of names");
    return Array.isArray(list) ? list.filter((name) => typeof name === "string") : [];
  };
  const dependent = ["dependentRequired", "dependencies"].flatMap((keyword) =>
    entries(keyword).flatMap(([name, needed]) => {
      // Until draft 2019-09 `dependencies` had schemas, too.
      const isNames = keyword === "dependentRequired" || Array.isArray(needed);
      return isNames ? namesIn(needed, keyword).map((needs) => ({ name, needs })) : [];
    }),
  );
  // In draft 3 it was a flag of each property.
  const required = schema["required"] === undefined ? [] : [...new Set(namesIn(schema["required"], "required"))];
  const layer: ObjectLayer = { properties, patterns, ...(additional && { additional }) };
  const names = schema["propertyNames"] === undefined ? [] : [document.child(node, schema["propertyNames"], "propertyNames")];
  return {
    ...anyObject,
    ...readLengths(reader, "minProperties", "maxProperties"),
    layers: properties.size > 0 || patterns.length > 0 || additional ? [layer] : [],
    required,
    dependent,
    names,
    ...(schema["minProperties"] !== undefined && { min_place: { pointer: node.pointer, keyword: "minProperties" } }),
  };
}
