// The rule of arguments that are written as entries of a key and a value.
import type { EntrySyntax, ValueKind } from "../../call-syntax.ts";
import { objectShape, type ValueShape } from "../json-schema-grammar/object-shape.ts";
import { UnsupportedSchema } from "../json-schema-grammar/unsupported-schema.ts";
import type { GrammarParts, PlacedSchema } from "./grammar-parts.ts";
import { memberRules } from "./member-rules.ts";
import { CDATA } from "./read-entries.ts";
import { choice, sequence, textPart } from "./rule-parts.ts";
import { isObject } from "./schema-kinds.ts";

/** Keys that a schema does not name. */
export const FURTHER_KEY = "[A-Za-z_] [A-Za-z0-9_]{0,63}";

interface Entry {
  syntax: EntrySyntax;
  /** The schema of all arguments. */
  placed: PlacedSchema;
  parts: GrammarParts;
  /** Empty for one that the schema does not name. */
  name: string;
  value: ValueShape;
}

/** Throws `UnsupportedSchema`. */
export function entryRule(syntax: EntrySyntax, placed: PlacedSchema, parts: GrammarParts): string {
  const { begin, between, end, none, key_begin, value_end } = syntax;
  const shape = objectShape(placed.schema, placed);
  for (const { pointer, keyword } of shape.passed_over) parts.passOver(placed.tool, pointer, keyword);
  const entry = (key: string, name: string, value: ValueShape): string => {
    const body = valueRule({ syntax, placed, parts, name, value });
    return parts.rules.add(sequence(textPart(key_begin), key, `(${body})`, textPart(value_end)));
  };
  return memberRules(parts.rules, {
    ...{ begin, between, end, none },
    members: shape.properties.map(({ name, required, ...value }) => ({ rule: entry(textPart(name), name, value), required })),
    further: shape.additional && entry(FURTHER_KEY, "", shape.additional),
  });
}

/** The value of a property, with what stands before it. */
function valueRule(entry: Entry): string {
  const written = Map.groupBy(Object.entries(entry.syntax.value_begin) as [ValueKind, string][], ([, text]) => text);
  const alternatives = [...written].flatMap(([text, kinds]) => {
    const rules = rulesOfKinds(entry, new Set(kinds.map(([kind]) => kind)));
    return rules.map((rule) => sequence(textPart(text), rule));
  });
  if (alternatives.length === 0) throw new UnsupportedSchema(pointerOf(entry), "", "no value satisfies it");
  return choice(alternatives);
}

/** The ways to write a value of one of these kinds; none where it has none of them. */
function rulesOfKinds(entry: Entry, kinds: ReadonlySet<ValueKind>): string[] {
  const { syntax, value } = entry;
  const all = new Set(value.types.map((type) => (type === "integer" ? "number" : type)));
  const own = [...all].filter((kind) => kinds.has(kind));
  // What Python has in quotes is JSON as well.
  const quoted = syntax.strings === "python";
  const texts = own.includes("string") && !quoted ? textRules(entry) : [];
  const others = own.filter((kind) => quoted || kind !== "string");
  if (others.length === 0) return texts;
  const rule = jsonRule(entry, others.length === all.size ? undefined : others);
  return rule === undefined ? texts : [...texts, rule];
}

function textRules({ syntax, value, parts: { rules, text } }: Entry): string[] {
  const textOf = (marker: string): string => (value.any_text ? text(marker) : rules.include(value.text(marker, rules.name())!));
  if (syntax.strings === "raw") return [textOf(syntax.value_end)];
  return [textOf("<"), sequence(textPart(CDATA.begin), textOf(CDATA.end), textPart(CDATA.end))];
}

const pointerOf = ({ name }: Entry): string => `/properties/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;

/** The value as JSON, where `kinds` are given of these alone; undefined where it has none of them. */
function jsonRule(entry: Entry, kinds: readonly ValueKind[] | undefined): string | undefined {
  const { name, placed, parts, value } = entry;
  const alone = ownSchema(placed.schema as Record<string, unknown>, name);
  if (alone !== undefined) {
    const { own, definitions } = alone;
    const schema = { ...definitions, allOf: [own, ...(kinds === undefined ? [] : [{ type: kinds }])] };
    return parts.value({ ...placed, schema, pointer: pointerOf(entry) });
  }
  const shape = kinds === undefined ? value : narrowed(placed.schema as object, name, kinds);
  return shape && parts.rules.include(shape.value(parts.rules.name()));
}

/** Keywords beside which `properties` says all of a property, and references to definitions lead to the same ones. */
const SIMPLE = new Set(["type", "properties", "required", "additionalProperties", "title", "description", "$schema", "strict"]);
const DEFINITIONS = ["$defs", "definitions"];

/** The schema of the property with what it refers to; undefined where it is not to be had without the rest. */
function ownSchema(schema: Record<string, unknown>, name: string) {
  const { properties } = schema;
  const own = isObject(properties) && Object.hasOwn(properties, name) ? properties[name] : undefined;
  if (own === undefined || !Object.keys(schema).every((key) => SIMPLE.has(key) || DEFINITIONS.includes(key))) return undefined;
  const refers = JSON.stringify(own).includes('"$ref"') || DEFINITIONS.some((key) => key in schema);
  if (!refers) return { own, definitions: {} };
  const definitions = Object.fromEntries(DEFINITIONS.flatMap((key) => (key in schema ? [[key, schema[key]]] : [])));
  const leads = JSON.stringify([own, definitions]).matchAll(/"\$ref":"([^"]*)"/g);
  return [...leads].every(([, ref]) => /^#\/(\$defs|definitions)\//.test(ref!)) ? { own, definitions } : undefined;
}

/** The same property as a value of these kinds alone; undefined where it has none of them. */
function narrowed(schema: object, name: string, kinds: readonly ValueKind[]): ValueShape | undefined {
  const { allOf } = schema as { allOf?: unknown };
  const layers = [...(Array.isArray(allOf) ? allOf : []), { properties: { [name]: { type: kinds } } }];
  try {
    const { properties } = objectShape({ ...schema, allOf: layers }, { strict: false });
    return properties.find((property) => property.name === name);
  } catch (error) {
    if (error instanceof UnsupportedSchema) return undefined;
    throw error;
  }
}
