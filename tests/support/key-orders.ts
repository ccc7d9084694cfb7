/** Texts of a value with its names in each order, up to a bound: a grammar takes one of them. */
export function textsInAllOrders(value: unknown, most = 800): string[] {
  if (Array.isArray(value))
    return joined(
      value.map((element) => textsInAllOrders(element, most)),
      most,
    ).map((parts) => `[${parts.join()}]`);
  if (typeof value === "object" && value !== null) {
    const texts = Object.entries(value).map(([name, part]) =>
      textsInAllOrders(part, 20).map((text) => `${JSON.stringify(name)}:${text}`),
    );
    return permutations(texts)
      .flatMap((order) => joined(order, 20))
      .map((pairs) => `{${pairs.join()}}`)
      .slice(0, most);
  }
  return [typeof value === "number" && Number.isInteger(value) ? BigInt(value).toString() : JSON.stringify(value)];
}

const joined = (texts: string[][], most: number): string[][] =>
  texts.reduce<string[][]>(
    (all, options) => all.flatMap((parts) => options.map((text) => [...parts, text])).slice(0, most),
    [[]],
  );

const permutations = <T>(things: T[]): T[][] =>
  things.length <= 1
    ? [things]
    : things.flatMap((thing, i) => permutations(things.toSpliced(i, 1)).map((others) => [thing, ...others]));
