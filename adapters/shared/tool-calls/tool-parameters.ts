// The schema of a tool's arguments.
import type { Tool } from "../../adapter.ts";
import { isObject, subschemasOf } from "../json-schema-grammar/schema/subschemas.ts";
import { UnsupportedSchema } from "../json-schema-grammar/unsupported-schema.ts";

/** A tool without parameters takes none. */
const NONE = { type: "object", additionalProperties: false };

/** Keywords that may name further properties. */
const FURTHER = ["additionalProperties", "unevaluatedProperties", "patternProperties", "allOf", "anyOf", "oneOf", "$ref", "if"];

/**
 * The schema with its objects closed where it says nothing of further properties: what a function does not name it rarely knows what to do with,
 * and small models make some up. Throws `UnsupportedSchema` where it is not that of an object.
 */
export function parametersOf({ function: { parameters } }: Tool): object {
  if (parameters === undefined || Object.keys(parameters).length === 0) return NONE;
  const { type = "object" } = parameters as Record<string, unknown>;
  if (![type].flat().includes("object")) throw new UnsupportedSchema("", "type", "the arguments of a function are an object");
  const whole = { ...parameters, type: "object" };
  const copy = structuredClone(whole) as Record<string, unknown>;
  const objects: Record<string, unknown>[] = [];
  const pending: unknown[] = [copy];
  while (pending.length > 0) {
    const schema = pending.pop();
    if (!isObject(schema)) continue;
    const { properties, allOf } = schema;
    // Parts of an object that is described in several places permit what stands in the others.
    const split =
      (Array.isArray(allOf) && allOf.length > 1) || (properties !== undefined && ("$ref" in schema || "allOf" in schema));
    if (split) return whole;
    if (isObject(properties) && !FURTHER.some((keyword) => keyword in schema)) objects.push(schema);
    for (const [, part] of subschemasOf(schema)) pending.push(part);
  }
  for (const schema of objects) schema["additionalProperties"] = false;
  return copy;
}
