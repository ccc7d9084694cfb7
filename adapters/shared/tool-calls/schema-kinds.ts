// Which kinds of values a schema takes, for syntaxes that write a text and a number alike.
import type { ValueKind } from "../../call-syntax.ts";

const ALL: readonly ValueKind[] = ["string", "number", "boolean", "null", "array", "object"];
/** A chain of references may be a circle. */
const MOST_STEPS = 64;

/** `root`: the schema in which references are looked up. */
export function schemaKinds(schema: unknown, root: unknown, steps = 0): Set<ValueKind> {
  if (!isObject(schema) || steps > MOST_STEPS) return new Set(ALL);
  const { type, enum: listed, anyOf, oneOf, allOf, $ref } = schema;
  let kinds = ALL;
  const keep = (some: Iterable<ValueKind>): void => {
    const kept = new Set(some);
    kinds = kinds.filter((kind) => kept.has(kind));
  };
  if (type !== undefined) keep([type].flat().map((name) => (name === "integer" ? "number" : (name as ValueKind))));
  if (Array.isArray(listed)) keep(listed.map(kindOf));
  if ("const" in schema) keep([kindOf(schema.const)]);
  if (typeof $ref === "string") keep(schemaKinds(resolveRef($ref, root), root, steps + 1));
  for (const one of [anyOf, oneOf]) {
    if (Array.isArray(one)) keep(one.flatMap((each) => [...schemaKinds(each, root, steps + 1)]));
  }
  if (Array.isArray(allOf)) for (const each of allOf) keep(schemaKinds(each, root, steps + 1));
  return new Set(kinds);
}

export function kindOf(value: unknown): ValueKind {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  const kind = typeof value;
  return kind === "number" || kind === "boolean" || kind === "string" ? kind : "object";
}

/** The schema of a property, through references and unions; undefined where there is none or nothing is known. */
export function propertySchema(schema: unknown, key: string, root: unknown, steps = 0): unknown {
  if (!isObject(schema) || steps > MOST_STEPS) return undefined;
  const { properties, additionalProperties, $ref, anyOf, oneOf, allOf } = schema;
  if (isObject(properties) && Object.hasOwn(properties, key)) return properties[key];
  const parts = [typeof $ref === "string" ? resolveRef($ref, root) : undefined, ...[anyOf, oneOf, allOf].flat()];
  for (const part of parts) {
    const found = propertySchema(part, key, root, steps + 1);
    if (found !== undefined) return found;
  }
  return isObject(additionalProperties) ? additionalProperties : undefined;
}

export function resolveRef(ref: string, root: unknown): unknown {
  if (!ref.startsWith("#")) return undefined;
  let found: unknown = root;
  for (const part of ref.slice(1).split("/").slice(1)) {
    const key = decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~");
    found =
      (isObject(found) || Array.isArray(found)) && Object.hasOwn(found, key)
        ? (found as Record<string, unknown>)[key]
        : undefined;
  }
  return found;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
