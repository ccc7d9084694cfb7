// valibot's schemas as JSON Schema, with what is named in the components of the document.
import { toJsonSchemaDefs, type ConversionConfig, type JsonSchema } from "@valibot/to-json-schema";
import type * as v from "valibot";

/** `input` is what may be sent, `output` what is answered. */
export type Direction = "input" | "output";

/**
 * Converts schemas; those of `named` become references. Checks that no keyword can say are left out: the sentence of an error has them.
 *
 * What is answered is empty until `finish` is called, which converts all at once: the library converts every named schema for each
 * call of its own, so that one after the other takes twenty times as long.
 */
export function createConverter(named: Record<string, v.GenericSchema>, direction: Direction) {
  const config: ConversionConfig = {
    ...{ target: "draft-2020-12", typeMode: direction, errorMode: "ignore" },
    overrideRef: ({ referenceId }) => referenceTo(referenceId),
    overrideSchema: ({ valibotSchema, jsonSchema }) =>
      valibotSchema.type === "custom" ? { ...jsonSchema, type: "object" } : shortenNull(jsonSchema),
    overrideAction: ({ valibotAction, jsonSchema }) =>
      valibotAction.type === "safe_integer" ? wholeNumber(jsonSchema) : undefined,
  };
  const asked = new Map<string, { schema: v.GenericSchema; answer: JsonSchema }>();
  return {
    convert(schema: v.GenericSchema): JsonSchema {
      const name = Object.keys(named).find((name) => named[name] === schema);
      if (name !== undefined) return { $ref: referenceTo(name) };
      const answer: JsonSchema = {};
      // A copy, as the schema itself may be a part of another one, where no reference is to stand for it.
      asked.set(`asked ${asked.size}`, { schema: { ...schema }, answer });
      return answer;
    },
    /** Answers the named schemas. */
    finish(): Record<string, JsonSchema> {
      const schemas = Object.fromEntries([...asked].map(([id, { schema }]) => [id, schema]));
      const converted = toJsonSchemaDefs({ ...named, ...schemas }, config);
      for (const [id, { answer }] of asked) Object.assign(answer, converted[id]);
      return Object.fromEntries(Object.keys(named).map((name) => [name, converted[name]!]));
    },
  };
}

const referenceTo = (name: string): string => `#/components/schemas/${name}`;

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

/** `{"type": ["string", "null"]}` where a choice between the two stands, as people write it; undefined for what is none. */
function shortenNull({ anyOf, ...rest }: JsonSchema): JsonSchema | undefined {
  const [first, second, ...others] = (anyOf ?? []) as JsonSchema[];
  if (first === undefined || second?.type !== "null" || others.length > 0 || typeof first.type !== "string") return undefined;
  return { ...first, type: [first.type, "null"], ...(first.enum && { enum: [...first.enum, null] }), ...rest };
}
