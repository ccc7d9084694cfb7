// Where a schema has other schemas: names that stand elsewhere, in `default`, `enum` and `examples`, are no keywords.

const SCHEMAS = new Set(
  "additionalProperties additionalItems contains contentSchema else if items not propertyNames then unevaluatedItems unevaluatedProperties".split(
    " ",
  ),
);
const LISTS = new Set("allOf anyOf items oneOf prefixItems".split(" "));
const MAPS = new Set("$defs definitions dependencies dependentSchemas patternProperties properties".split(" "));

/** By the pointer from the schema to each. */
export function* subschemasOf(schema: unknown): Generator<[path: string, schema: unknown]> {
  if (!isObject(schema)) return;
  for (const [keyword, value] of Object.entries(schema)) {
    if (SCHEMAS.has(keyword) && isObject(value)) yield [`/${keyword}`, value];
    else if (LISTS.has(keyword) && Array.isArray(value))
      for (const [i, item] of value.entries()) yield [`/${keyword}/${i}`, item];
    else if (MAPS.has(keyword) && isObject(value))
      for (const [name, item] of Object.entries(value)) yield [`/${keyword}/${escapePart(name)}`, item];
  }
}

export const isObject = (value: unknown): value is { readonly [name: string]: unknown } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A name as a part of a JSON pointer. */
export const escapePart = (part: string | number): string =>
  /[~/]/.test(String(part)) ? String(part).replaceAll("~", "~0").replaceAll("/", "~1") : String(part);
