// The grammar of arguments in notations that have their own way to write each value: Gemma's, and MiniMax's elements. What binds lists and
// objects, beyond the types and names of their parts, is passed over.
import type { ArgumentSyntax, ValueKind } from "../../call-syntax.ts";
import { objectShape } from "../json-schema-grammar/object-shape.ts";
import { schemaGrammar } from "../json-schema-grammar/schema-grammar.ts";
import { refusedByStrict, UnsupportedSchema } from "../json-schema-grammar/unsupported-schema.ts";
import { choice, sequence, textPart } from "./rule-parts.ts";
import { type LooseNotation, notationOf } from "./loose-notation.ts";
import type { GrammarParts, PlacedSchema } from "./grammar-parts.ts";
import { memberRules } from "./member-rules.ts";
import type { RuleList } from "./rule-list.ts";
import { isObject, resolveRef, schemaKinds } from "./schema-kinds.ts";
import { FURTHER_KEY } from "./entry-grammar.ts";

type LooseSyntax = Extract<ArgumentSyntax, { style: "bare" | "elements" }>;

const HELD = new Set([
  ...["type", "properties", "required", "items", "enum", "const", "anyOf", "oneOf", "allOf", "$ref", "additionalProperties"],
  ...["$defs", "definitions", "$schema", "$id", "$comment", "title", "description", "default", "examples", "deprecated"],
  ...["readOnly", "writeOnly", "strict", "nullable"],
]);

/** What binds texts and numbers is held as anywhere else. */
const BOUNDS = new Set([
  ...["pattern", "minLength", "maxLength", "format"],
  ...["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"],
]);
const SCALARS: readonly ValueKind[] = ["string", "number", "boolean", "null"];

/** Throws `UnsupportedSchema`. */
export function looseRule(form: LooseSyntax, placed: PlacedSchema, parts: GrammarParts): string {
  const { rules } = parts;
  const { strict, tool } = placed;
  const root = placed.schema as Record<string, unknown>;
  // A schema that no value fits would never end, and a reference may lead nowhere.
  schemaGrammar(root, { strict: false, prefix: "any" });
  const notation = notationOf(form);
  const known = new Map<unknown, string>();

  const scalar = (schema: Record<string, unknown>, kind: ValueKind): string => {
    const bounds = Object.entries(schema).filter(([keyword]) => BOUNDS.has(keyword));
    const type = kind === "number" && isWhole(schema) ? "integer" : kind;
    const own = { ...Object.fromEntries(bounds), type };
    if (kind !== "string") return parts.value({ ...placed, schema: own });
    const around = textPart(notation.text_begin);
    if (bounds.length === 0) return sequence(around, parts.text(notation.text_end), around);
    const shape = objectShape({ properties: { text: own } }, { strict });
    for (const { keyword } of shape.passed_over) parts.passOver(tool, "", keyword);
    return sequence(around, rules.include(shape.properties[0]!.text(notation.text_end, rules.name())!), around);
  };
  const anyValue = (): string => `(${choice(SCALARS.map((kind) => scalar({}, kind)))})`;

  const valueRule = (schema: unknown, pointer: string): string => {
    if (!isObject(schema) || Object.keys(schema).length === 0) return anyValue();
    const made = known.get(schema);
    if (made !== undefined) return made;
    const name = rules.name();
    known.set(schema, name);
    return rules.define(name, bodyOf(schema, pointer));
  };

  const bodyOf = (schema: Record<string, unknown>, pointer: string): string => {
    for (const keyword of Object.keys(schema)) {
      if (HELD.has(keyword) || BOUNDS.has(keyword)) continue;
      if (strict) throw refusedByStrict(pointer, keyword, "the calls of this model are not written as JSON");
      parts.passOver(tool, pointer, keyword);
    }
    const { $ref, anyOf, oneOf, allOf } = schema;
    if (typeof $ref === "string") {
      const target = resolveRef($ref, root);
      if (target === undefined) throw new UnsupportedSchema(pointer, "$ref", `"${$ref}" leads nowhere`);
      return valueRule(target, $ref.slice(1));
    }
    const listed = "const" in schema ? [schema["const"]] : schema["enum"];
    if (Array.isArray(listed)) return choice(listed.map((value) => textPart(notation.write(value)) || '""'));
    const union = Array.isArray(anyOf) ? anyOf : oneOf;
    if (Array.isArray(union)) return choice(union.map((one, at) => valueRule(one, `${pointer}/anyOf/${at}`)));
    const merged = Array.isArray(allOf) ? mergeAll([schema, ...allOf], root) : schema;
    return choice([...schemaKinds(merged, root)].map((kind) => ruleOfKind(kind, merged, pointer)));
  };

  const ruleOfKind = (kind: ValueKind, schema: Record<string, unknown>, pointer: string): string => {
    if (kind === "array") return listRule(rules, notation, valueRule(schema["items"], `${pointer}/items`));
    if (kind === "object") return objectRule(schema, pointer);
    return scalar(schema, kind);
  };

  const objectRule = (schema: Record<string, unknown>, pointer: string): string => {
    const { properties, required, additionalProperties } = schema;
    const needed: unknown[] = Array.isArray(required) ? required : [];
    const names = Object.keys(isObject(properties) ? properties : {});
    const member = (key: string, value: string): string => {
      const { before, behind } = notation.member(key);
      return rules.add(sequence(...before, value, ...behind));
    };
    const open = additionalProperties === undefined ? !isObject(properties) : additionalProperties !== false;
    return memberRules(rules, {
      ...notation.object,
      members: (notation.sorted ? names.toSorted() : names).map((name) => ({
        rule: member(name, valueRule((properties as Record<string, unknown>)[name], `${pointer}/properties/${name}`)),
        required: needed.includes(name),
      })),
      further: open && notation.further ? rules.add(sequence(FURTHER_KEY, textPart(":"), anyValue())) : undefined,
    });
  };

  return valueRule(root, "");
}

function listRule(rules: RuleList, { list }: LooseNotation, item: string): string {
  const one = sequence(...list.before, item, ...list.behind);
  const more = sequence(textPart(list.between), one);
  return rules.add(sequence(textPart(list.begin), `(${one} (${more})*)?`, textPart(list.end)));
}

/** Whole numbers are a kind of their own in schemas alone. */
function isWhole({ type }: Record<string, unknown>): boolean {
  const types = [type].flat();
  return types.includes("integer") && !types.includes("number");
}

function mergeAll(parts: readonly unknown[], root: object): Record<string, unknown> {
  const merged: Record<string, unknown> = {};
  for (const part of parts) {
    const resolved = isObject(part) && typeof part["$ref"] === "string" ? resolveRef(part["$ref"], root) : part;
    if (!isObject(resolved)) continue;
    const { allOf: _, ...own } = resolved;
    const properties = { ...(merged["properties"] as object), ...(own["properties"] as object) };
    const required = [...((merged["required"] as string[]) ?? []), ...((own["required"] as string[]) ?? [])];
    Object.assign(merged, own, Object.keys(properties).length > 0 && { properties }, required.length > 0 && { required });
  }
  return merged;
}
