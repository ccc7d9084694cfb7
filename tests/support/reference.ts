// The reference of the API, and what is wrong with a value by one of its schemas.
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { referenceDocument } from "../../src/api/reference/document.ts";

type Json = Record<string, any>;

export const reference = JSON.parse(JSON.stringify(referenceDocument("1.2.3"))) as Json;

export interface ReferenceOperation {
  name: string;
  method: string;
  path: string;
  operation: Json;
}

export const referenceOperations: ReferenceOperation[] = Object.entries(reference.paths as Json).flatMap(([path, methods]) =>
  Object.entries(methods as Json).map(([method, operation]) => ({
    ...{ name: `${method.toUpperCase()} ${path}`, method: method.toUpperCase(), path },
    operation: operation as Json,
  })),
);

const ajv = new Ajv2020({ strict: false, allErrors: true });
addFormats.default(ajv);
ajv.addSchema({ ...reference, $id: "reference" });

/** What is wrong with a value, by a schema of the document. */
export function referenceFaults(schema: Json, value: unknown): string[] {
  const check = ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"reference#/')));
  return check(value) ? [] : (check.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

/** Fields of a value that its schema does not name, by their paths. */
export function unnamedFields(schema: Json, value: unknown, path = ""): string[] {
  const forms = formsOf(schema);
  if (Array.isArray(value)) {
    const items = forms.flatMap(({ items }) => items ?? []);
    return value.flatMap((item) => unnamedFields({ anyOf: items }, item, `${path}[]`));
  }
  if (typeof value !== "object" || value === null) return [];
  // What says nothing of its fields takes any.
  if (
    forms.some(
      ({ properties = {}, type }) =>
        Object.keys(properties).length === 0 && (type === undefined || [type].flat().includes("object")),
    )
  )
    return [];
  return Object.entries(value).flatMap(([name, field]) => {
    const own = forms.flatMap(({ properties = {} }) => properties[name] ?? []);
    return own.length === 0 ? [`${path}.${name}`] : unnamedFields({ anyOf: own }, field, `${path}.${name}`);
  });
}

/** The schemas that a value may be of, with their references followed. */
export function formsOf(schema: Json): Json[] {
  if (schema.$ref !== undefined) return formsOf(reference.components.schemas[schema.$ref.split("/").at(-1)]);
  const choices = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])] as Json[];
  return choices.length === 0 ? [schema] : choices.flatMap(formsOf);
}
