// The grammar of arguments that are written as entries of a key and a value.
import type { EntrySyntax, ValueKind } from "../../call-syntax.ts";
import { objectShape, type ValueShape } from "../json-schema-grammar/object-shape.ts";
import type { SchemaGrammar } from "../json-schema-grammar/schema-grammar.ts";
import { textWithout } from "../json-schema-grammar/text-grammars.ts";
import { UnsupportedSchema } from "../json-schema-grammar/unsupported-schema.ts";
import { choice, sequence, textPart } from "./grammar-lines.ts";
import { memberRules } from "./member-rules.ts";
import { CDATA } from "./read-entries.ts";
import { createRuleList, type RuleList } from "./rule-list.ts";

/** Keys that a schema does not name. */
export const FURTHER_KEY = "[A-Za-z_] [A-Za-z0-9_]{0,63}";

interface EntryContext {
  syntax: EntrySyntax;
  rules: RuleList;
  schema: object;
}

export function entryGrammar(syntax: EntrySyntax, schema: object, options: { strict: boolean; prefix: string }): SchemaGrammar {
  const { begin, between, end, none, key_begin, value_end } = syntax;
  const shape = objectShape(schema, options);
  const rules = createRuleList(options.prefix);
  const context = { syntax, rules, schema };
  const entry = (key: string, name: string, value: ValueShape): string =>
    rules.add(sequence(textPart(key_begin), key, `(${valueRule(context, name, value)})`, textPart(value_end)));
  const root = memberRules(rules, {
    ...{ begin, between, end, none },
    members: shape.properties.map(({ name, required, ...value }) => ({ rule: entry(textPart(name), name, value), required })),
    further: shape.additional && entry(FURTHER_KEY, "", shape.additional),
  });
  return { rules: rules.lines.join("\n"), root, passed_over: [...shape.passed_over] };
}

/** The value of a property, with what stands before it. */
function valueRule(context: EntryContext, name: string, value: ValueShape): string {
  const written = Map.groupBy(Object.entries(context.syntax.value_begin) as [ValueKind, string][], ([, text]) => text);
  const alternatives = [...written].flatMap(([text, kinds]) => {
    const rules = rulesOfKinds(context, name, value, new Set(kinds.map(([kind]) => kind)));
    return rules.map((rule) => sequence(textPart(text), rule));
  });
  if (alternatives.length === 0) throw new UnsupportedSchema(`/properties/${name}`, "", "no value satisfies it");
  return choice(alternatives);
}

/** The ways to write a value of one of these kinds; none where it has none of them. */
function rulesOfKinds(context: EntryContext, name: string, value: ValueShape, kinds: ReadonlySet<ValueKind>): string[] {
  const { syntax, rules, schema } = context;
  const all = new Set(value.types.map((type) => (type === "integer" ? "number" : type)));
  const own = [...all].filter((kind) => kinds.has(kind));
  // What Python has in quotes is JSON as well.
  const quoted = syntax.strings === "python";
  const texts = own.includes("string") && !quoted ? textRules(context, value) : [];
  const others = own.filter((kind) => quoted || kind !== "string");
  if (others.length === 0) return texts;
  const same = others.length === all.size ? value : narrowed(schema, name, others);
  return same === undefined ? texts : [...texts, rules.include(same.value(rules.name()))];
}

function textRules({ syntax, rules }: EntryContext, value: ValueShape): string[] {
  const textOf = (marker: string): string =>
    rules.include(value.any_text ? textWithout(marker, rules.name()) : value.text(marker, rules.name())!);
  if (syntax.strings === "raw") return [textOf(syntax.value_end)];
  return [textOf("<"), sequence(textPart(CDATA.begin), textOf(CDATA.end), textPart(CDATA.end))];
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
