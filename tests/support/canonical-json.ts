/** A value with its names in the order in which the schema has them, wherever it has them, and whole numbers in digits. */
export function canonicalText(value: unknown, schema: unknown): string {
  const order = [...new Set(namesOf(schema))];
  const rank = (name: string): number => (order.includes(name) ? order.indexOf(name) : order.length);
  const write = (value: unknown): string => {
    if (Array.isArray(value)) return `[${value.map(write).join()}]`;
    if (typeof value === "object" && value !== null) {
      const pairs = Object.entries(value).toSorted(([one], [other]) => rank(one) - rank(other));
      return `{${pairs.map(([name, part]) => `${JSON.stringify(name)}:${write(part)}`).join()}}`;
    }
    return typeof value === "number" && Number.isInteger(value) ? BigInt(value).toString() : JSON.stringify(value);
  };
  return write(value);
}

function namesOf(schema: unknown): string[] {
  if (typeof schema !== "object" || schema === null) return [];
  const { properties, required, dependentRequired, dependencies } = schema as Record<string, unknown>;
  const own = [properties, dependentRequired, dependencies].flatMap((named) =>
    typeof named === "object" && named !== null && !Array.isArray(named) ? Object.keys(named) : [],
  );
  const names = Array.isArray(required) ? required.filter((name) => typeof name === "string") : [];
  return [...own, ...names, ...Object.values(schema).flatMap(namesOf)];
}
