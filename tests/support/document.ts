// The published document: its operations, and what is wrong with an answer by one of its schemas.
import { Ajv, type ValidateFunction } from "ajv";
import addFormats from "ajv-formats";
import contract from "../fixtures/jan-contract.json" with { type: "json" };

/** The part of JSON Schema that the document uses. */
export interface Schema {
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  [keyword: string]: unknown;
}

interface Operation {
  responses: { "200": { content: { "application/json": { schema: Schema } } } };
}

export const operations = Object.entries(contract.paths as unknown as Record<string, Record<string, Operation>>).flatMap(
  ([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => [`${method.toUpperCase()} ${path}`, operation] as const),
);

export function schemaOf(operation: Operation): Schema {
  return operation.responses["200"].content["application/json"].schema;
}

/** What is wrong with a value. `whole`: every field of the schema must be there, not the required ones alone. */
export function faults(schema: Schema, value: unknown, { whole = false } = {}): string[] {
  const check = compiled(whole, schema);
  return check(value) ? [] : (check.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

function compiled(whole: boolean, schema: Schema): ValidateFunction {
  const ajv = new Ajv({ strict: false, allErrors: true });
  addFormats.default(ajv);
  const { components } = contract;
  const document = { components: whole ? allRequired(components as unknown as Schema) : components };
  ajv.addSchema({ $id: "document", ...document });
  const absolute = JSON.parse(JSON.stringify(whole ? allRequired(schema) : schema).replaceAll('"#/', '"document#/'));
  return ajv.compile(absolute);
}

/** The schema with every property of every object required. */
function allRequired<T>(schema: T): T {
  if (typeof schema !== "object" || schema === null) return schema;
  if (Array.isArray(schema)) return schema.map(allRequired) as T;
  const copy = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, allRequired(value)]));
  const { properties, type } = copy as Schema;
  return (type === "object" && properties ? { ...copy, required: Object.keys(properties) } : copy) as T;
}
