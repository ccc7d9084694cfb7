import { describe, expect, test } from "bun:test";
import { parseJsonInPieces } from "../../src/http/json-pieces.ts";

const many = (count: number, value: (i: number) => string): string => Array.from({ length: count }, (_, i) => value(i)).join(",");
const KEYS = ["__proto__", "constructor", "12", "7", "", '\\"', "a,b", "[", "\\u0061", "a"];
const key = (i: number): string => KEYS[i % KEYS.length]!;

/** Each is longer than several pieces. */
const VALID: Record<string, string> = {
  texts: `[${many(30_000, (i) => `"t${i},]"`)}]`,
  names: `[${many(30_000, (i) => `{"k${i}":${i}}`)}]`,
  "one wide object": `{${many(9_000, (i) => `"k${i}":[${i},{"a":"}"}]`)}}`,
  "names that mean something": `[${many(9_000, (i) => `{"${key(i)}":{"${key(i + 1)}":[1,2]},"${key(i + 2)}":[],"${key(i)}":null}`)}]`,
  "the same names in one object": `{${many(9_000, (i) => `"${key(i)}":[${i},${i}]`)}}`,
  "nested, and white space": `${"[ ".repeat(30)}${many(9_000, (i) => `\n{ "a" :\t[ ${i} , { } , [ ] ] }`)}${" ]".repeat(30)}`,
  "lists of lists": `[${many(300, (i) => `[${many(300, (j) => `[${i},${j}]`)}]`)}]`,
  "one long text": `{"a":"${"x,".repeat(200_000)}","b":[1]}`,
  "a text of quotes": `["${'\\"'.repeat(100_000)}","\\\\"]`,
  numbers: `[${many(40_000, (i) => `-${i}.5e-3`)}]`,
  "a text alone": `"${"x".repeat(200_000)}"`,
};

describe("JSON in pieces", () => {
  test.each(Object.entries(VALID))("%s are what JSON.parse makes of them", async (_, text) => {
    expect(text.length).toBeGreaterThan(65_536);
    const parsed = await parseJsonInPieces(text);
    expect(JSON.stringify(parsed)).toBe(JSON.stringify(JSON.parse(text)));
    expect(({} as Record<string, unknown>)["a"]).toBeUndefined();
  });

  test("a name of the prototype is a property, as of JSON.parse", async () => {
    const parsed = (await parseJsonInPieces(`{"__proto__":{"a":[${many(30_000, String)}]},"b":1}`)) as object;
    expect(Object.keys(parsed)).toEqual(["__proto__", "b"]);
    expect(Object.getPrototypeOf(parsed)).toBe(Object.prototype);
  });

  const BROKEN = {
    "a comma too many": (text: string) => text.replace("},{", "},,{"),
    "a last comma": (text: string) => `${text.slice(0, -1)},]`,
    "a first comma": (text: string) => `[,${text.slice(1)}`,
    "no end": (text: string) => text.slice(0, -1),
    "half a value at its end": (text: string) => text.slice(0, -2),
    "an end too many": (text: string) => `${text}]`,
    "something behind it": (text: string) => `${text} 1`,
    "a comma behind it": (text: string) => `${text},`,
    "another value behind it": (text: string) => `${text},[1]`,
    "the wrong end": (text: string) => `${text.slice(0, -1)}}`,
    "the wrong bracket within": (text: string) => text.slice(0, 200_000) + text.slice(200_000).replace("}", "]"),
    "a name without a value": (text: string) => text.slice(0, 200_000) + text.slice(200_000).replace(":1", ""),
    "a value without a comma": (text: string) => text.slice(0, 200_000) + text.slice(200_000).replace("},{", "}{"),
    "a quote without its other": (text: string) => text.slice(0, 200_000) + text.slice(200_000).replace('"', ""),
    "a name that is no text": (text: string) => text.slice(0, 200_000) + text.slice(200_000).replace('"k', 'k"'),
  };
  test.each(Object.entries(BROKEN))("%s is refused", async (_, broken) => {
    const text = broken(`[${many(40_000, (i) => `{"k${i}":1}`)}]`);
    expect(() => JSON.parse(text) as unknown).toThrow(SyntaxError);
    expect(parseJsonInPieces(text)).rejects.toThrow(SyntaxError);
  });

  test("each text cut anywhere is refused or read as JSON.parse does", async () => {
    const text = `{"a":[${many(8_000, (i) => `{"k${i}":["x",{"y":[${i}]}]}`)}]}`;
    for (let cut = 0; cut < text.length; cut += 4_999) {
      for (const damaged of [text.slice(0, cut), text.slice(0, cut) + text.slice(cut + 1)]) {
        expect(await outcome(parseJsonInPieces(damaged))).toBe(await outcome((async () => JSON.parse(damaged) as unknown)()));
      }
    }
  });
});

const outcome = (value: Promise<unknown>): Promise<string> => value.then(JSON.stringify, (error: Error) => error.name);
