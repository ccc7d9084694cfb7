// Arguments that are not written as JSON: what of a schema is held, and what is passed over and named.
import { beforeAll, describe, expect, test } from "bun:test";
import type { ArgumentSyntax, CallSyntax, EntrySyntax, ValueKind } from "../../adapters/call-syntax.ts";
import { callGrammar } from "../../adapters/shared/tool-calls/call-grammar.ts";
import { createCallReader } from "../../adapters/shared/tool-calls/call-reader.ts";
import { PROMPTED_SYNTAX } from "../../adapters/shared/tool-calls/prompted-syntax.ts";
import { openNativeGrammar } from "../support/native-grammar.ts";

let matcher: Awaited<ReturnType<typeof openNativeGrammar>>;
beforeAll(async () => {
  matcher = await openNativeGrammar();
});

const KINDS: ValueKind[] = ["string", "number", "boolean", "null", "array", "object"];
const entriesWith = (value_end: string): EntrySyntax => ({
  ...{ style: "entries", begin: "", between: "", end: "", none: "", key_begin: "<k>", value_end },
  ...{ value_begin: Object.fromEntries(KINDS.map((kind) => [kind, "</k><v>"])) as EntrySyntax["value_begin"] },
  ...{ strings: "raw", others: "json" },
});
const ENTRIES = entriesWith("</v>");
const BARE: ArgumentSyntax = { style: "bare", quote: "|" };
const ELEMENTS: ArgumentSyntax = { style: "elements", mark: "!" };

const syntaxWith = (given: ArgumentSyntax): CallSyntax => ({
  ...PROMPTED_SYNTAX,
  ...{ triggers: [{ text: "<call>", at_start: false }], call: ["<call>", { part: "name" }, { part: "arguments" }, "</call>"] },
  arguments: given,
});
const toolOf = (parameters: object, strict: boolean) =>
  ({ type: "function", function: { name: "t", parameters, strict } }) as const;
const properties = (some: object, more: object = {}) => ({
  type: "object",
  properties: some,
  required: Object.keys(some),
  ...more,
});

/** Whether a call with these arguments is permitted; and the keywords that are passed over. */
function permits(given: ArgumentSyntax, parameters: object, strict = true) {
  const { rules, root, passed_over } = callGrammar(syntaxWith(given), [toolOf(parameters, strict)], { behind: "" });
  const match = matcher({ rules, root });
  return {
    takes: (text: string): boolean => match(`<call>t${text}</call>`),
    passed_over: passed_over.map((path) => path.slice(path.indexOf("#") + 1)),
  };
}

const refusal = (given: ArgumentSyntax, parameters: object, strict: boolean): string => {
  try {
    permits(given, parameters, strict);
  } catch (error) {
    expect(error).toMatchObject({ code: "unsupported_schema", param: "tools[0].function.parameters" });
    return (error as Error).message;
  }
  throw new Error("It was not refused.");
};

const read = (given: ArgumentSyntax, parameters: object, text: string): unknown => {
  const reader = createCallReader(syntaxWith(given), [toolOf(parameters, true)]);
  const pieces = Array.from(`<call>t${text}</call>`, (character) => reader.read(character)).flat();
  const { pieces: last, rest } = reader.end();
  expect(rest).toBe("");
  return JSON.parse([...pieces, ...last].map(({ arguments: some }) => some).join(""));
};

describe("a text", () => {
  test.each(["</parameter>", "aab", "\n\n", "]"])("has everything but the marker %j behind it", (marker) => {
    const { takes } = permits(entriesWith(marker), properties({ a: { type: "string" } }));
    const texts = [
      "",
      "x",
      marker.slice(0, -1),
      `${marker.slice(0, -1)}x`,
      "</paramet</parameter",
      "aaaa",
      "\n\r\n",
      "é😀",
      marker,
    ];
    for (const text of [...texts, `x${marker}`, `${marker}x`])
      expect([text, takes(`<k>a</k><v>${text}${marker}`)]).toEqual([text, !text.includes(marker)]);
  });

  test("has its bounds and its pattern", () => {
    const { takes } = permits(
      ENTRIES,
      properties({ a: { type: "string", minLength: 2, maxLength: 4 }, b: { type: "string", pattern: "^[a-z<]+$" } }),
    );
    const both = (a: string, b: string): boolean => takes(`<k>a</k><v>${a}</v><k>b</k><v>${b}</v>`);
    expect(["", "a", "aa", "é😀é😀", "aaaaa"].filter((text) => both(text, "b"))).toEqual(["aa", "é😀é😀"]);
    expect(["", "b", "b<c", "</v>", "1"].filter((text) => both("aa", text))).toEqual(["b", "b<c"]);
  });

  test("goes without bounds that a grammar cannot count beside the marker, and without too large a pattern", () => {
    const long = { type: "string", maxLength: 5_000 };
    const large = { type: "string", pattern: "(a|b)*a(a|b){14}", minLength: 2 };
    for (const given of [ENTRIES, { ...BARE, quote: "<|quote|>" } as const, { ...ELEMENTS, mark: "]<]x[>[" } as const]) {
      const { passed_over } = permits(given, properties({ long, large }), false);
      expect(passed_over.toSorted()).toEqual([
        ...["/properties/large/minLength", "/properties/large/pattern", "/properties/long/maxLength"],
      ]);
      expect(refusal(given, properties({ long }), true)).toContain('"maxLength" at "/properties/long"');
    }
  });
});

describe("what has no way to be written", () => {
  const half = "\ud800";
  test.each([
    ["entries", ENTRIES, "a</k><v>b"],
    ["bare", BARE, "a|:b"],
    ["elements", ELEMENTS, "a>b"],
  ] as const)("in %s is refused where it is needed, else left out and named", (_, given, name) => {
    const odd = properties({ a: { type: "integer" }, [name]: { type: "integer" } }, { required: ["a"] });
    const pointer = `/properties/${name.replaceAll("/", "~1")}`;
    expect(permits(given, odd, false).passed_over).toEqual([pointer]);
    for (const strict of [true, false])
      expect(refusal(given, { ...odd, required: ["a", name] }, strict)).toContain(
        `at "${pointer}" cannot be enforced: the calls`,
      );
    expect(refusal(given, odd, true)).toContain(`at "${pointer}"`);

    const some = properties({ a: { enum: ["x", half, "y"] } });
    const { takes, passed_over } = permits(given, some, false);
    expect(passed_over).toEqual(["/properties/a/enum"]);
    const call = { entries: "<k>a</k><v>y</v>", bare: "{a:|y|}", elements: "!<a>y!</a>" }[given.style];
    expect([takes(call), takes(call.replace("y", "z"))]).toEqual([true, false]);
    expect(refusal(given, some, true)).toContain('"enum" at "/properties/a"');
    for (const strict of [true, false])
      expect(refusal(given, properties({ a: { const: half } }), strict)).toContain('"const" at "/properties/a"');
    expect(permits(given, properties({ a: { const: half } }, { required: [] }), false).passed_over).toEqual([
      "/properties/a/const",
    ]);
  });
});

test("a key that needs it is quoted", () => {
  const { takes } = permits(BARE, properties({ "a:b": { type: "integer" }, "": { const: { "c:d": 1 } } }));
  expect(takes("{||:{|c:d|:1},|a:b|:2}")).toBe(true);
  expect(takes("{||:{c:d:1},a:b:2}")).toBe(false);
});

test("a further name is none that the schema names", () => {
  const parameters = { type: "object", properties: { n: { type: "integer" } }, additionalProperties: { type: "string" } };
  expect(["<k>n</k><v>x</v>", "<k>m</k><v>x</v>", "<k>nn</k><v>x</v>"].map(permits(ENTRIES, parameters).takes)).toEqual([
    ...[false, true, true],
  ]);
  expect(["{n:|x|}", "{m:|x|}", "{n:1,nn:|x|}"].map(permits(BARE, parameters).takes)).toEqual([false, true, true]);
});

test("lists and objects hold what binds them", () => {
  const list = { type: "array", prefixItems: [{ const: 1 }], items: { const: 2 }, minItems: 2, maxItems: 3 };
  const pair = properties(
    { a: { const: 1 } },
    { additionalProperties: { const: 2 }, dependentRequired: { a: ["b"] }, maxProperties: 2 },
  );
  const { takes, passed_over } = permits(BARE, properties({ list, pair }));
  expect(passed_over).toEqual([]);
  const both = (one: string, other: string): boolean => takes(`{list:${one},pair:${other}}`);
  expect(["[1]", "[1,2]", "[1,2,2]", "[1,2,2,2]", "[2,2]"].filter((text) => both(text, "{a:1,b:2}"))).toEqual([
    "[1,2]",
    "[1,2,2]",
  ]);
  expect(["{a:1}", "{a:1,b:2}", "{a:1,b:2,c:2}"].filter((text) => both("[1,2]", text))).toEqual(["{a:1,b:2}"]);
  const elements = permits(ELEMENTS, properties({ list }));
  expect(elements.takes("!<list>!<item>1!</item>!<item>2!</item>!</list>")).toBe(true);
  expect(elements.takes("!<list>!<item>1!</item>!</list>")).toBe(false);
});

describe("a value that may be a text", () => {
  const parameters = properties({ a: { anyOf: [{ type: "string" }, { type: "array", items: { type: "string" } }] } });
  const around = (text: string): string => `<k>a</k><v>${text}</v>`;

  test.each([
    ['["1"]', ["1"]],
    ["[x](y)", "[x](y)"],
    ['["x', '["x'],
    ['["x</v>", "y"]', ["x</v>", "y"]],
    ["[1] y", "[1] y"],
  ])("and begins as a list does, is a list where it is one: %s", (text, value) => {
    expect(read(ENTRIES, parameters, around(text))).toEqual({ a: value });
  });

  test("is another one where that alone fits", () => {
    const either = properties({ a: { anyOf: [{ enum: ["1", "2"] }, { type: "integer", minimum: 5 }] } });
    expect(["1", "7"].map((text) => read(ENTRIES, either, around(text)))).toEqual([{ a: "1" }, { a: 7 }]);
    const listed = properties({ a: { enum: ["[1]", [2]] } });
    expect(["[1]", "[2]"].map((text) => read(ENTRIES, listed, around(text)))).toEqual([{ a: "[1]" }, { a: [2] }]);
    expect(["1", "7"].map((text) => read(ELEMENTS, either, `!<a>${text}!</a>`))).toEqual([{ a: "1" }, { a: 7 }]);
  });

  test("is named where only another property tells which it is", () => {
    const branch = (kind: string, type: string) => properties({ kind: { const: kind }, v: { type } });
    const either = { type: "object", anyOf: [branch("a", "string"), branch("b", "integer")] };
    for (const given of [ENTRIES, ELEMENTS]) {
      expect(permits(given, either, false).passed_over).toEqual(["/anyOf/1/properties/v/type"]);
      expect(refusal(given, either, true)).toContain('"type" at "/anyOf/1/properties/v"');
    }
    const alike = { type: "object", anyOf: [branch("a", "integer"), branch("b", "boolean")] };
    const { takes } = permits(ENTRIES, alike);
    expect(takes("<k>kind</k><v>b</v><k>v</k><v>true</v>")).toBe(true);
    expect(takes("<k>kind</k><v>a</v><k>v</k><v>true</v>")).toBe(false);
  });
});
