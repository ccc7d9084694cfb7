// Properties of values that came as JSON.

export type JsonObject = Record<string, unknown>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether objects and arrays are nested in more than `levels`; the recursion ends there. */
export function isNestedDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isNestedDeeper(inner, levels - 1));
}

/** Bytes of the JSON text of `value`. */
export function jsonBytes(value: JsonObject): number {
  return new TextEncoder().encode(JSON.stringify(value)).length;
}

/** The object without its fields that are null. */
export function withoutNulls<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], null> } {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== null)) as {
    [K in keyof T]: Exclude<T[K], null>;
  };
}

/** Whether the object has a field. */
export function isFilled(object: object): boolean {
  return Object.keys(object).length > 0;
}

/** Whether the value holds nothing but empty lists, empty objects and nulls. */
export function isHollow(value: unknown): boolean {
  return value == null || (typeof value === "object" && Object.values(value).every(isHollow));
}
