// The grammar of arguments in notations that have their own way to write each value: Gemma's, and MiniMax's elements. What binds lists and
// objects, beyond the types and names of their parts, is passed over.
import type { ArgumentSyntax, ValueKind } from "../../call-syntax.ts";
import { objectShape } from "../json-schema-grammar/object-shape.ts";
import type { SchemaGrammar } from "../json-schema-grammar/schema-grammar.ts";
import { textWithout } from "../json-schema-grammar/text-grammars.ts";
import { UnsupportedSchema } from "../json-schema-grammar/unsupported-schema.ts";
import { choice, sequence, textPart } from "./grammar-lines.ts";
import { type LooseNotation, notationOf } from "./loose-notation.ts";
import { memberRules } from "./member-rules.ts";
import { createRuleList, type RuleList } from "./rule-list.ts";
import { isObject, resolveRef, schemaKinds } from "./schema-kinds.ts";
import { FURTHER_KEY } from "./entry-grammar.ts";

type LooseSyntax = Extract<ArgumentSyntax, { style: "bare" | "elements" }>;

const HELD = new Set([
  ...["type", "properties", "required", "items", "enum", "const", "anyOf", "oneOf", "allOf", "$ref", "additionalProperties"],
  ...["$defs", "definitions", "$schema", "$id", "$comment", "title", "description", "default", "examples", "deprecated"],
  ...["readOnly", "writeOnly", "strict", "nullable"],
  // What binds texts and numbers is held as anywhere else.
  ...["pattern", "minLength", "maxLength", "format", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"],
]);

export function looseGrammar(
  form: LooseSyntax,
  root: object,
  { strict, prefix }: { strict: boolean; prefix: string },
): SchemaGrammar {
  const rules = createRuleList(prefix);
  const notation = notationOf(form);
  const passed_over: SchemaGrammar["passed_over"] = [];
  const known = new Map<unknown, string>();
  const scalar = (schema: Record<string, unknown>, kind: string): string => {
    const { properties, passed_over: further } = objectShape(
      { properties: { v: { ...schema, type: whole(schema) && kind === "number" ? "integer" : kind } } },
      { strict },
    );
    passed_over.push(...further);
    const { any_text, text, value } = properties[0]!;
    if (kind !== "string") return rules.include(value(rules.name()));
    const { text_begin, text_end } = notation;
    const made = any_text ? textWithout(text_end, rules.name()) : text(text_end, rules.name())!;
    return rules.add(sequence(textPart(text_begin), rules.include(made), textPart(text_begin)));
  };
  let any: string | undefined;
  const anyValue = (): string =>
    (any ??= rules.add(choice(["string", "number", "boolean", "null"].map((kind) => scalar({}, kind)))));

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
      if (HELD.has(keyword)) continue;
      if (strict) throw new UnsupportedSchema(pointer, keyword, "the calls of this model are not written as JSON");
      passed_over.push({ pointer, keyword });
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

  const root_rule = valueRule(root, "");
  return { rules: rules.lines.join("\n"), root: root_rule, passed_over };
}

function listRule(rules: RuleList, { list }: LooseNotation, item: string): string {
  const one = sequence(...list.before, item, ...list.behind);
  const more = sequence(textPart(list.between), one);
  return rules.add(sequence(textPart(list.begin), `(${one} (${more})*)?`, textPart(list.end)));
}

const whole = ({ type }: Record<string, unknown>): boolean =>
  [type].flat().includes("integer") && ![type].flat().includes("number");

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
