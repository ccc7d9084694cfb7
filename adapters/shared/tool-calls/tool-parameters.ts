// The schema of a tool's arguments.
import type { Tool } from "../../adapter.ts";
import { isObject } from "./schema-kinds.ts";

/** Keywords that may name further properties. */
const FURTHER = ["additionalProperties", "unevaluatedProperties", "patternProperties", "allOf", "anyOf", "oneOf", "$ref", "if"];

/**
 * A tool without parameters takes none. An object takes the properties that its schema names: a function rarely knows what to do with others, and
 * small models make some up.
 */
export function parametersOf({ function: { parameters } }: Tool): object {
  if (parameters === undefined || Object.keys(parameters).length === 0) return { type: "object", additionalProperties: false };
  const { properties } = parameters as Record<string, unknown>;
  const closed = isObject(properties) && !FURTHER.some((keyword) => keyword in parameters);
  return closed ? { type: "object", ...parameters, additionalProperties: false } : { type: "object", ...parameters };
}
