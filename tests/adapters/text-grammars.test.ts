// Grammars of plain texts, and the last look at a finished text.
import { beforeAll, describe, expect, test } from "bun:test";
import { schemaFailure } from "../../adapters/shared/json-schema-grammar/schema-failure.ts";
import { schemaGrammar } from "../../adapters/shared/json-schema-grammar/schema-grammar.ts";
import { choiceGrammar, patternGrammar } from "../../adapters/shared/json-schema-grammar/text-grammars.ts";
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
  ["a(?<=b)", "look back"],
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

  test("ends where alternatives hold each other at each level of a text", () => {
    const closed = (properties: object) => ({
      ...{ type: "object", properties, required: Object.keys(properties), additionalProperties: false },
    });
    const node = { $ref: "#/$defs/node" };
    const kinds = ["a", "b"].map((kind) => closed({ nodes: { type: "array", items: node }, kind: { const: kind } }));
    const tree = { ...node, $defs: { node: { anyOf: kinds } } };
    const deep = (inner: string): string => '{"nodes":['.repeat(40) + inner + '],"kind":"b"}'.repeat(40);
    expect(schemaFailure(tree, deep(""), [])).toBeUndefined();
    expect(schemaFailure(tree, deep('{"nodes":[],"kind":"c"}'), [])).toEqual({ pointer: "", keyword: "anyOf" });
  });

  test("judges no pattern that was passed over for its size, and no value that is too deep", () => {
    const large = { type: "object", properties: { a: { type: "string", pattern: "(a|b)*a(a|b){14}" }, b: { type: "integer" } } };
    const { passed_over } = schemaGrammar(large, { strict: false, prefix: "x" });
    expect(schemaFailure(large, '{"a":"c","b":1}', passed_over)).toBeUndefined();
    expect(schemaFailure(large, '{"a":"c","b":"x"}', passed_over)).toEqual({ pointer: "/b", keyword: "type" });
    const lists = { type: "array", items: { $ref: "#" } };
    expect(schemaFailure(lists, "[".repeat(300) + "]".repeat(300), [])).toBeUndefined();
  });
});
