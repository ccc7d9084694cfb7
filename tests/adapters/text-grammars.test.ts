// Grammars of plain texts, schemas of arguments taken apart, and the last look at a finished text.
import { beforeAll, describe, expect, test } from "bun:test";
import { objectShape } from "../../adapters/shared/json-schema-grammar/object-shape.ts";
import { schemaFailure } from "../../adapters/shared/json-schema-grammar/schema-failure.ts";
import { choiceGrammar, patternGrammar, textWithout } from "../../adapters/shared/json-schema-grammar/text-grammars.ts";
import { UnsupportedSchema } from "../../adapters/shared/json-schema-grammar/unsupported-schema.ts";
import { openNativeGrammar } from "../support/native-grammar.ts";

let matcher: Awaited<ReturnType<typeof openNativeGrammar>>;
beforeAll(async () => {
  matcher = await openNativeGrammar();
});

test("a pattern matches the whole text", () => {
  const match = matcher(patternGrammar("(Jan|Feb) \\d{1,2}|today\\n\\u{1F600}?", "p"));
  expect(["Jan 1", "Feb 28", "today\n", "today\n😀"].filter((text) => !match(text))).toEqual([]);
  expect(["", "Jan", "Jan 123", "xJan 1", "Jan 1x", "today"].filter(match)).toEqual([]);
});

test.each([
  ["a(?=b)", "look-around"],
  ["(a)\\1", "back-references"],
  ["\\bword", "word boundaries"],
  ["(a{1,500}b{1,500}){1,500}", "too many states"],
  ["(", "no regular expression"],
])("the pattern %s is refused: %s", (pattern, reason) => {
  expect(() => patternGrammar(pattern, "p")).toThrow(UnsupportedSchema);
  expect(() => patternGrammar(pattern, "p")).toThrow(reason);
});

test("one of some choices, whatever they begin with", () => {
  const texts = ["yes", "yesterday", "no", "", "né", "😀", "😁", 'a"b\\'];
  const match = matcher(choiceGrammar(texts, "c"));
  expect(texts.filter((text) => !match(text))).toEqual([]);
  expect(["y", "yest", "n", "nope", "😂", 'a"b'].filter(match)).toEqual([]);
});

test("halves of surrogate pairs are in no text", () => {
  const match = matcher(patternGrammar("[\\ud7ff-\\ue000]|\\ud83c", "p"));
  expect(["\ud7ff", "\ue000"].filter((text) => !match(text))).toEqual([]);
  expect(() => patternGrammar("\\ud83c", "p")).toThrow("no text fits it");
  expect(choiceGrammar(["\ud83c", "🎉", "a\udc00"], "c")).toEqual(choiceGrammar(["🎉"], "c"));
  expect(() => choiceGrammar(["\ud83c"], "c")).toThrow("no text fits it");
});

test.each(["</parameter>", "aab", "\n\n", "]"])("a text has everything but the marker %s", (marker) => {
  const match = matcher(textWithout(marker, "t"));
  const texts = ["", "x", marker.slice(0, -1), `${marker.slice(0, -1)}x`, "</paramet</parameter", "aaaa", "\n\r\n", "é😀"];
  expect(texts.filter((text) => match(text) === text.includes(marker))).toEqual([]);
  expect([marker, `x${marker}`, `${marker}x`, `${marker[0]}${marker}`].filter(match)).toEqual([]);
});

test("a text without a marker has its bounds", () => {
  const match = matcher(textWithout("ab", "t", { min: 2, max: 4 }));
  expect(["", "a", "aa", "bbbb", "bbbbb", "aab"].filter(match)).toEqual(["aa", "bbbb"]);
});

describe("the shape of arguments", () => {
  const schema = {
    type: "object",
    properties: {
      path: { type: "string" },
      mode: { enum: ["r", "w"] },
      size: { anyOf: [{ type: "integer" }, { type: "null" }] },
      code: { type: "string", pattern: "^[a-z]+$" },
      node: { $ref: "#/$defs/node" },
      never: false,
    },
    required: ["path", "node"],
    additionalProperties: false,
    $defs: { node: { type: "object", properties: { next: { $ref: "#/$defs/node" } } } },
  };

  test("is its properties, in order", () => {
    const { properties, additional, passed_over } = objectShape(schema, { strict: true });
    expect(properties.map(({ name, required, types, any_text }) => [name, required, types, any_text])).toEqual([
      ["path", true, ["string"], true],
      ["mode", false, ["string"], false],
      ["size", false, ["integer", "null"], false],
      ["code", false, ["string"], false],
      ["node", true, ["object"], false],
    ]);
    expect(additional).toBeUndefined();
    expect(passed_over).toEqual([]);
  });

  test("has a grammar for the JSON and for the plain text of each", () => {
    const { properties } = objectShape(schema, { strict: true });
    const [path, mode, size, code, node] = properties;
    expect(matcher(node!.value("v"))('{"next":{"next":{}}}')).toBe(true);
    expect(matcher(node!.value("v"))('{"next":1}')).toBe(false);
    expect(["r", "w", '"r"', "x"].filter(matcher(mode!.text("<", "v")!))).toEqual(["r", "w"]);
    expect(["", 'a "b"\n', "a<b"].filter(matcher(path!.text("<", "v")!))).toEqual(["", 'a "b"\n']);
    expect(["abc", "", "a1"].filter(matcher(code!.text("<", "v")!))).toEqual(["abc"]);
    expect(size!.text("<", "v")).toBeUndefined();
  });

  test("has further names where the schema lets them be", () => {
    const { additional } = objectShape({ type: "object", additionalProperties: { type: "integer" } }, { strict: true });
    expect(additional?.types).toEqual(["integer"]);
    expect(objectShape({ type: "object" }, { strict: true }).additional?.types).toContain("string");
  });

  test("passes over what only the whole can hold, or refuses it", () => {
    const branch = (name: string) => ({
      type: "object",
      properties: { [name]: { type: "string" }, id: { type: "integer" } },
      required: [name, "id"],
    });
    const either = { anyOf: [branch("a"), branch("b")] };
    expect(() => objectShape(either, { strict: true })).toThrow(UnsupportedSchema);
    const { properties, passed_over } = objectShape(either, { strict: false });
    expect(properties.map(({ name, required }) => [name, required])).toEqual([
      ["a", false],
      ["id", true],
      ["b", false],
    ]);
    expect(passed_over).toEqual([{ pointer: "", keyword: "anyOf" }]);
  });

  test.each([{ type: "string" }, false, { type: "object", required: ["a"], properties: { a: false } }])(
    "%j is refused",
    (schema) => {
      expect(() => objectShape(schema, { strict: false })).toThrow(UnsupportedSchema);
    },
  );
});

describe("the last look", () => {
  const schema = {
    type: "object",
    properties: {
      a: { type: "array", items: { type: "integer", minimum: 3 }, uniqueItems: true },
      "b/c": { type: "string", pattern: "^x" },
      d: { type: "string", nullable: true },
    },
    required: ["a"],
    additionalProperties: false,
  };
  const passed_over = [{ pointer: "/properties/a", keyword: "uniqueItems" }];
  test.each([
    ['{"a":[3,3],"b/c":"x","d":null}', undefined],
    ['{"a":[3,2]}', { pointer: "/a/1", keyword: "minimum" }],
    ['{"a":[],"b/c":"y"}', { pointer: "/b~1c", keyword: "pattern" }],
    ["{}", { pointer: "", keyword: "required" }],
    ['{"a":[],"e":1}', { pointer: "", keyword: "additionalProperties" }],
    ['{"a":[', { pointer: "", keyword: "type" }],
  ])("finds in %s: %j", (text, failure) => {
    expect(schemaFailure(schema, text, passed_over)).toEqual(failure as ReturnType<typeof schemaFailure>);
  });

  const referring = (more: object) => ({ type: "integer", ...more });
  test.each([
    ["an address that is none", { properties: { a: referring({ $id: "http://[" }) } }, '{"a":1}', '{"a":"x"}', "/a"],
    [
      "an address that stands twice",
      { properties: { a: referring({ $id: "y" }), b: referring({ $id: "y" }) } },
      '{"b":1}',
      '{"b":"x"}',
      "/b",
    ],
    [
      "an identifier that stands twice, in examples",
      { properties: { a: referring({ example: { id: "1" } }), b: referring({ example: { id: "1" } }) } },
      '{"b":1}',
      '{"b":"x"}',
      "/b",
    ],
    [
      "a part that nothing refers to",
      { $defs: { a: { $ref: "http://[" } }, properties: { b: referring({}) } },
      '{"b":1}',
      '{"b":"x"}',
      "/b",
    ],
    [
      "half a surrogate pair in a name",
      { properties: { "\ud83c": referring({}) } },
      '{"\\ud83c":1}',
      '{"\\ud83c":"x"}',
      "/\ud83c",
    ],
    ["half a surrogate pair in the text", { additionalProperties: referring({}) }, '{"\\ud83c":1}', '{"\\ud83c":"x"}', "/\ud83c"],
  ])("judges a text where the schema has %s", (_, schema, whole, broken, pointer) => {
    expect(schemaFailure({ type: "object", ...schema }, whole, [])).toBeUndefined();
    expect(schemaFailure({ type: "object", ...schema }, broken, [])).toEqual({ pointer, keyword: "type" });
  });

  test("takes no longer over a text than its length", () => {
    const hostile = { type: "string", pattern: "^(?:(a+)+b|a*)$" };
    expect(schemaFailure(hostile, JSON.stringify("a".repeat(5_000)), [])).toBeUndefined();
    expect(schemaFailure(hostile, JSON.stringify(`${"a".repeat(5_000)}c`), [])).toEqual({ pointer: "", keyword: "pattern" });
  });
});
