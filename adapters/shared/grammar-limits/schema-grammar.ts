// The grammar of a JSON Schema as far as its cost goes: what may come next, in llama.cpp's order of properties. A key and a fixed value are a
// quote and one character here, so that the walk through the grammar gets deep with few steps.
import type { Alternative, Grammar, Terminal } from "./gbnf.ts";
import { patternGrammar } from "./pattern.ts";

export type Subschema = Record<string, unknown>;

export const isSchema = (value: unknown): value is Subschema =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** `resolve` finds what a reference names. The patterns of the schema have to be ones that llama.cpp can honour. */
export function schemaGrammar(root: Subschema, resolve: (reference: string) => Subschema | undefined): Grammar {
  const rules: Alternative[][] = [];
  const known = new Map<Subschema, number>();
  const characters = new Map<string, Terminal>();

  const newRule = (alternatives: Alternative[] = []): number => rules.push(alternatives) - 1;
  const repeated = (item: Alternative): number => {
    const more = newRule();
    rules[more] = [[...item, more], []];
    return more;
  };
  /** Equal texts are equal characters, of which none is used otherwise. */
  const fixed = (value: unknown): Alternative => {
    const text = JSON.stringify(value) ?? "null";
    const terminal = characters.get(text) ?? only(FIRST_PRIVATE + characters.size);
    characters.set(text, terminal);
    return text.startsWith('"') ? [QUOTE, terminal] : [terminal];
  };
  const string = newRule();
  rules[string] = [[QUOTE, repeated([NO_QUOTE]), QUOTE]];
  const number = newRule([[DIGIT, repeated([DIGIT])]]);
  const any = newRule();
  const ofType: Record<string, () => Alternative[]> = {
    string: () => [[string]],
    number: () => [[number]],
    integer: () => [[number]],
    boolean: () => [fixed(true), fixed(false)],
    null: () => [fixed(null)],
    array: () => [[OPEN_LIST, optional(listOf([any])), CLOSE_LIST]],
    object: () => [[OPEN_OBJECT, optional(listOf([string, any])), CLOSE_OBJECT]],
  };
  const optional = (part: Alternative): number => newRule([part, []]);
  const listOf = (item: Alternative): Alternative => [...item, repeated([COMMA, ...item])];
  const anyOfTypes = (type: unknown): Alternative[] => {
    const types = (Array.isArray(type) ? type : [type]).filter((name) => Object.hasOwn(ofType, String(name)));
    return types.length === 0 ? [[any]] : types.flatMap((name) => ofType[String(name)]!());
  };
  rules[any] = Object.values(ofType).flatMap((make) => make());

  /** Written as llama.cpp writes it: each property that may be left out leads to all behind it. */
  const object = (properties: Property[], additional: unknown): Alternative => {
    const pair = ({ name, schema }: Property): Alternative => [...fixed(name), ruleOf(schema)];
    const required = properties.filter((each) => each.required).map(pair);
    const others = properties.filter((each) => !each.required).map(pair);
    if (additional === true || isSchema(additional))
      others.push(listOf([string, isSchema(additional) ? ruleOf(additional) : any]));
    let rest: number | undefined;
    const begun: Alternative[] = [];
    for (const one of others.toReversed()) {
      begun.push(rest === undefined ? one : [...one, rest]);
      rest = newRule([[COMMA, ...one, ...(rest === undefined ? [] : [rest])], rest === undefined ? [] : [rest]]);
    }
    const first = required.flatMap((one, i) => (i === 0 ? one : [COMMA, ...one]));
    const then = required.length > 0 ? (rest === undefined ? [] : [rest]) : begun.length > 0 ? [newRule([...begun, []])] : [];
    return [OPEN_OBJECT, ...first, ...then, CLOSE_OBJECT];
  };

  const ruleOf = (schema: unknown): number => {
    if (!isSchema(schema)) return any;
    const found = known.get(schema);
    if (found !== undefined) return found;
    const rule = newRule();
    known.set(schema, rule);
    rules[rule] = alternativesOf(schema);
    return rule;
  };

  const alternativesOf = (schema: Subschema): Alternative[] => {
    const { $ref, anyOf, oneOf = anyOf, allOf, type, pattern, items, prefixItems = items } = schema;
    if (typeof $ref === "string") return [[ruleOf(resolve($ref))]];
    if (Array.isArray(oneOf)) return oneOf.map((each) => [ruleOf(each)]);
    if (Array.isArray(type) && type.length > 1) return type.map((one) => [ruleOf({ ...schema, type: one })]);
    if ("const" in schema) return [fixed(schema.const)];
    if (Array.isArray(schema.enum)) return schema.enum.map(fixed);
    const properties = propertiesOf(schema, resolve);
    if (properties.length > 0 || isSchema(schema.additionalProperties)) return [object(properties, schema.additionalProperties)];
    if (Array.isArray(allOf)) return allOf.map((each) => [ruleOf(each)]);
    if (Array.isArray(prefixItems))
      return [[OPEN_LIST, ...prefixItems.flatMap((each, i) => (i === 0 ? [ruleOf(each)] : [COMMA, ruleOf(each)])), CLOSE_LIST]];
    if (isSchema(items)) return [[OPEN_LIST, optional(listOf([ruleOf(items)])), CLOSE_LIST]];
    if (typeof pattern === "string") return [[QUOTE, embed(patternGrammar(pattern)), QUOTE]];
    return anyOfTypes(type);
  };

  const embed = (grammar: Grammar): number => {
    const shift = rules.length;
    const shifted = (alternative: Alternative): Alternative =>
      alternative.map((element) => (typeof element === "number" ? element + shift : element));
    for (const alternatives of grammar.rules) rules.push(alternatives.map(shifted));
    return grammar.root + shift;
  };

  return { root: ruleOf(root), rules };
}

interface Property {
  name: string;
  schema: unknown;
  required: boolean;
}

/** With those of all parts of an `allOf`: llama.cpp makes one object of them, in which the properties of an `anyOf` may be left out. */
export function propertiesOf(schema: Subschema, resolve: (reference: string) => Subschema | undefined): Property[] {
  const { properties, required, allOf } = schema;
  const names = new Set(Array.isArray(required) ? required : []);
  const own = Object.entries(isSchema(properties) ? properties : {}).map(([name, schema]) => ({
    ...{ name, schema, required: names.has(name) },
  }));
  const seen = new Set<unknown>();
  const ofPart = (part: unknown, required: boolean): Property[] => {
    if (!isSchema(part) || seen.has(part)) return [];
    seen.add(part);
    const { $ref, properties, anyOf, oneOf, allOf } = part;
    const found = Object.entries(isSchema(properties) ? properties : {}).map(([name, schema]) => ({ name, schema, required }));
    const inner = (list: unknown, required: boolean): Property[] =>
      Array.isArray(list) ? list.flatMap((each) => ofPart(each, required)) : [];
    return [
      ...found,
      ...(typeof $ref === "string" ? ofPart(resolve($ref), required) : []),
      ...inner(anyOf, false),
      ...inner(oneOf, false),
      ...inner(allOf, required),
    ];
  };
  return [...own, ...(Array.isArray(allOf) ? allOf.flatMap((part) => ofPart(part, true)) : [])];
}

const only = (code: number): Terminal => ({ ranges: [[code, code]], negated: false });
const of = (character: string): Terminal => only(character.codePointAt(0)!);

const QUOTE = of('"');
const NO_QUOTE: Terminal = { ...QUOTE, negated: true };
const DIGIT: Terminal = { ranges: [[0x30, 0x39]], negated: false };
const COMMA = of(",");
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = ["[", "]", "{", "}"].map(of) as [
  Terminal,
  Terminal,
  Terminal,
  Terminal,
];
/** The first of Unicode's private characters, of which there are more than a schema has texts. */
const FIRST_PRIVATE = 0xf0000;
