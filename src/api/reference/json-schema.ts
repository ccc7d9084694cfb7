// valibot's schemas as JSON Schema, with what is named in the components of the document.
import { toJsonSchema, type ConversionConfig, type JsonSchema } from "@valibot/to-json-schema";
import type * as v from "valibot";

/** `input` is what may be sent, `output` what is answered. */
export type Direction = "input" | "output";

/**
 * Converts schemas; those of `named` become references. Checks that no keyword can say are left out: the sentence of an error has them.
 */
export function createConverter(named: Record<string, v.GenericSchema>, direction: Direction) {
  const convertWith = (schema: v.GenericSchema, definitions: Record<string, v.GenericSchema>): JsonSchema => {
    const { $schema: _, $defs: _1, ...own } = toJsonSchema(schema, { ...config, definitions });
    return shortenNulls(own);
  };
  const config: ConversionConfig = {
    ...{ target: "draft-2020-12", typeMode: direction, errorMode: "ignore" },
    overrideRef: ({ referenceId }) => `#/components/schemas/${referenceId}`,
    overrideSchema: ({ valibotSchema, jsonSchema }) =>
      valibotSchema.type === "custom" ? { ...jsonSchema, type: "object" } : undefined,
    overrideAction: ({ valibotAction, jsonSchema }) =>
      valibotAction.type === "safe_integer" ? wholeNumber(jsonSchema) : undefined,
  };
  return {
    convert: (schema: v.GenericSchema): JsonSchema => convertWith(schema, named),
    /** A named schema itself, not its reference. */
    define(name: string): JsonSchema {
      const { [name]: own, ...others } = named;
      return convertWith(own!, others);
    },
  };
}

/** Without the bounds of all safe integers: they say nothing to who writes a request. */
function wholeNumber({ minimum, maximum, ...schema }: JsonSchema): JsonSchema {
  const least = minimum === Number.MIN_SAFE_INTEGER ? undefined : minimum;
  const most = maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum;
  return {
    ...schema,
    type: "integer",
    ...(least !== undefined && { minimum: least }),
    ...(most !== undefined && { maximum: most }),
  };
}

/** `{"type": ["string", "null"]}` where a choice between the two stands, as people write it. */
function shortenNulls<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(shortenNulls) as T;
  const schema = Object.fromEntries(Object.entries(value).map(([name, each]) => [name, shortenNulls(each)])) as JsonSchema;
  const [first, second, ...others] = (schema.anyOf ?? []) as JsonSchema[];
  if (first === undefined || second?.type !== "null" || others.length > 0 || typeof first.type !== "string") return schema as T;
  const { anyOf: _, ...rest } = schema;
  return { ...first, type: [first.type, "null"], ...(first.enum && { enum: [...first.enum, null] }), ...rest } as T;
}
