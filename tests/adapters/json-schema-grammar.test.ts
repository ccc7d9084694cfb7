// Beyond the official suite: what SDKs send, exact bounds, names that are no keywords, and schemas that no grammar can hold.
import { beforeAll, describe, expect, test } from "bun:test";
import { schemaGrammar } from "../../adapters/shared/json-schema-grammar/schema-grammar.ts";
import { schemaGrammars } from "../../adapters/shared/json-schema-grammar/schema-grammars.ts";
import { UnsupportedSchema } from "../../adapters/shared/json-schema-grammar/unsupported-schema.ts";
import { openNativeGrammar } from "../support/native-grammar.ts";

let matcher: Awaited<ReturnType<typeof openNativeGrammar>>;
beforeAll(async () => {
  matcher = await openNativeGrammar();
});

interface Case {
  name: string;
  schema: unknown;
  takes: string[];
  leaves: string[];
}

const closed = (properties: object, required: string[] = Object.keys(properties)) => ({
  ...{ type: "object", properties, required },
  additionalProperties: false,
});

const CASES: Case[] = [
  {
    name: "white space as models write it, and no more",
    schema: closed({ a: { type: "integer" }, b: { type: "array", items: { type: "integer" } } }),
    takes: ['{"a":1,"b":[1,2]}', '{"a": 1, "b": [1, 2]}', '{\n  "a": 1,\n  "b": [\n    1,\n    2\n  ]\n}', '{ "a": 1, "b": [] }'],
    leaves: [
      '{"a":  1,"b":[]}',
      '{\n\n"a":1,"b":[]}',
      '{"a" : 1,"b":[]}',
      ' {"a":1,"b":[]}',
      `{\n${" ".repeat(41)}"a":1,"b":[]}`,
    ],
  },
  {
    name: "names in the order of the schema, each once, unknown ones last",
    schema: { type: "object", properties: { a: { type: "integer" }, ab: { type: "string" } }, required: ["a"] },
    takes: ['{"a":1}', '{"a":1,"ab":""}', '{"a":1,"b":null,"abc":[]}', '{"a":1,"":0}', '{"a":1,"\\n":0}'],
    leaves: [
      "{}",
      '{"ab":"","a":1}',
      '{"a":1,"a":"x"}',
      '{"a":1,"\\u0061":"x"}',
      '{"a":1,"\\u0061b":1}',
      '{"b":1,"a":1}',
      '{"a":1,"ab":1}',
    ],
  },
  {
    name: "texts of any spelling, without halves of pairs",
    schema: { type: "string" },
    takes: ['""', '"é😀"', '"\\u00e9\\ud83d\\ude00\\n\\/"', '"\u007f"'],
    leaves: ['"\\ud83d"', '"\\ude00"', '"\\ud83dx"', '"\n"', '"\\x"', '"'],
  },
  {
    name: "lengths in code points",
    schema: { type: "string", minLength: 2, maxLength: 3 },
    takes: ['"ab"', '"😀😀😀"', '"\\ud83d\\ude00a"', '"\\n\\n"'],
    leaves: ['"a"', '"😀"', '"abcd"'],
  },
  {
    name: "lengths beyond what llama.cpp repeats",
    schema: { type: "string", minLength: 1_999, maxLength: 2_501 },
    takes: [1_999, 2_000, 2_001, 2_500, 2_501].map((length) => `"${"x".repeat(length)}"`),
    leaves: [1_998, 2_502, 2_600].map((length) => `"${"x".repeat(length)}"`),
  },
  {
    name: "a pattern within a length",
    schema: { type: "string", pattern: "^[a-c]+(-[a-c]+)*$", minLength: 3, maxLength: 5 },
    takes: ['"abc"', '"a-b"', '"a-b-c"'],
    leaves: ['"ab"', '"ab-"', '"abcabc"', '"a--b"', '"abd"'],
  },
  {
    name: "a pattern that is found anywhere, and escapes that Unicode mode forbids",
    schema: {
      type: "array",
      prefixItems: [
        { type: "string", pattern: "b\\d" },
        { type: "string", pattern: "^[\\w\\-\\.]+\\@x$" },
      ],
    },
    takes: ['["ab1c","a-b.c@x"]', '["b0"]'],
    leaves: ['["b"]', '["ab1c","a b@x"]'],
  },
  {
    name: "repetitions at the edge of a pattern that is found anywhere",
    schema: { prefixItems: [{ pattern: "(\\p{L}\\d?){0,1000}" }, { pattern: "a+(b?c{2,9})*$|^(x{1,3}){2,5}" }] },
    takes: ['["","aa"]', '["1","-acc"]', '["a","xx-"]', '["a","abcccc"]'],
    leaves: ['["","ac"]', '["","a-"]', '["","x"]', '["","-xx"]'],
  },
  {
    name: "many ranges of decimals",
    schema: { anyOf: Array.from({ length: 60 }, (_, i) => ({ type: "number", minimum: i * 10.5, maximum: i * 10.5 + 4.25 })) },
    takes: ["0", "4.25", "10.5", "623.75"],
    leaves: ["-1", "4.26", "10.4", "623.76"],
  },
  {
    name: "letters of all scripts",
    schema: { type: "string", pattern: "^\\p{Lu}\\p{L}*(?: \\p{L}+)*$" },
    takes: ['"Ärger"', '"Жук и ёж"', '"Σ漢"'],
    leaves: ['"ärger"', '"A1"', '"A  b"'],
  },
  {
    name: "two patterns at once",
    schema: { allOf: [{ type: "string", pattern: "^a" }, { pattern: "z$" }] },
    takes: ['"az"', '"abz"'],
    leaves: ['"a"', '"z"', '"bz"'],
  },
  {
    name: "whole numbers beyond 2^53",
    schema: { type: "integer" },
    takes: ["0", "-7", "9007199254740993", "18446744073709551615"],
    leaves: ["-0", "01", "1.0", "1e3", `1${"0".repeat(20)}`],
  },
  {
    name: "whole numbers between bounds",
    schema: { type: "integer", minimum: -12, exclusiveMaximum: 105 },
    takes: ["-12", "-9", "-1", "0", "7", "99", "100", "104"],
    leaves: ["-13", "-20", "105", "110", "1000", "-0"],
  },
  {
    name: "decimals between bounds",
    schema: { type: "number", exclusiveMinimum: -0.5, maximum: 12.25 },
    takes: ["-0.49", "0", "-0.0", "0.5", "9.999", "12", "12.25", "12.250", "12.2"],
    leaves: ["-0.5", "-0.50", "-1", "12.251", "12.3", "13", "100", "1e1"],
  },
  {
    name: "numbers that a double holds",
    schema: { type: "number" },
    takes: ["1e3", "-1.5E+10", "9.9e307", "1e-300", "3.14159"],
    leaves: ["1e308", "1e999", ".5", "1.", "1e", "0x1", "+1"],
  },
  {
    name: "multiples",
    schema: {
      prefixItems: [
        { type: "integer", multipleOf: 7, minimum: 10 },
        { type: "number", multipleOf: 0.25 },
        { type: "number", multipleOf: 0.01 },
      ],
    },
    takes: ["[14,0.75,19.99]", "[70,-1.5,3]", "[1001,2.50,0.1]"],
    leaves: ["[7,0,0]", "[15,0,0]", "[14,0.7,0]", "[14,0,0.001]"],
  },
  {
    name: "lists of values, of several types",
    schema: { enum: ["a", "ab", 1, 1.5, null, true, { b: [1], a: "x" }] },
    takes: ['"a"', '"ab"', "1", "1.5", "null", "true", '{"b":[1],"a":"x"}', '{ "b": [ 1 ], "a": "x" }'],
    leaves: ['"abc"', "11", "false", '{"a":"x","b":[1]}', "{}"],
  },
  {
    name: "a list of values beside a type",
    schema: { type: ["string", "null"], enum: ["a", 1, null], maxLength: 1 },
    takes: ['"a"', "null"],
    leaves: ["1"],
  },
  {
    name: "branches that a constant tells apart",
    schema: {
      oneOf: [
        closed({ kind: { const: "cat" }, lives: { type: "integer" } }),
        closed({ kind: { const: "dog" }, good: { type: "boolean" } }),
      ],
    },
    takes: ['{"kind":"cat","lives":9}', '{"kind":"dog","good":true}'],
    leaves: ['{"kind":"cat","good":true}', '{"kind":"dog","lives":9}', '{"kind":"cow"}'],
  },
  {
    name: "a schema that leads back to itself",
    schema: {
      $ref: "#/$defs/node",
      $defs: { node: closed({ value: { type: "integer" }, next: { anyOf: [{ $ref: "#/$defs/node" }, { type: "null" }] } }) },
    },
    takes: ['{"value":1,"next":null}', '{"value":1,"next":{"value":2,"next":null}}'],
    leaves: ['{"value":1}', '{"value":1,"next":{}}'],
  },
  {
    name: "keywords beside a reference",
    schema: {
      $defs: { a: { type: "integer", minimum: 3 } },
      properties: { x: { $ref: "#/$defs/a", maximum: 5 } },
      required: ["x"],
      type: "object",
    },
    takes: ['{"x":3}', '{"x":5}'],
    leaves: ['{"x":2}', '{"x":6}'],
  },
  {
    name: "names by pattern, and names that patterns share",
    schema: {
      type: "object",
      properties: { id: { type: "integer" } },
      patternProperties: { "^n_": { type: "integer" }, _s$: { type: "string" } },
      additionalProperties: { type: "boolean" },
    },
    takes: ['{"id":1,"n_a":2,"b_s":"x","c":true}', "{}"],
    leaves: ['{"n_a":"x"}', '{"b_s":1}', '{"c":1}', '{"n_s":1}', '{"n_s":"x"}', '{"id":"x"}'],
  },
  {
    name: "rules for names",
    schema: { type: "object", propertyNames: { pattern: "^[a-z]+$", maxLength: 3 }, additionalProperties: { type: "integer" } },
    takes: ["{}", '{"abc":1,"x":2}'],
    leaves: ['{"abcd":1}', '{"A":1}', '{"":1}'],
  },
  {
    name: "numbers of properties of a closed object, and those that need each other",
    schema: {
      ...closed({ a: {}, b: {}, c: {}, d: {} }, []),
      ...{ minProperties: 2, maxProperties: 3, dependentRequired: { a: ["d"], d: ["b"] } },
    },
    takes: ['{"b":1,"c":1}', '{"a":1,"b":1,"d":1}', '{"b":1,"d":1}'],
    leaves: ["{}", '{"b":1}', '{"a":1,"b":1}', '{"a":1,"d":1}', '{"a":1,"b":1,"c":1,"d":1}', '{"c":1,"d":1}'],
  },
  {
    name: "numbers of elements, and elements of their own",
    schema: {
      type: "array",
      prefixItems: [{ type: "string" }, { type: "integer" }],
      items: { type: "boolean" },
      minItems: 2,
      maxItems: 4,
    },
    takes: ['["a",1]', '["a",1,true]', '["a",1,true,false]'],
    leaves: ['["a"]', '["a",1,2]', '["a",1,true,false,true]', "[1,1]"],
  },
  {
    name: "many elements",
    schema: { type: "array", items: { type: "integer" }, minItems: 130, maxItems: 250 },
    takes: [130, 200, 250].map((length) => JSON.stringify(Array(length).fill(7))),
    leaves: [0, 129, 251].map((length) => JSON.stringify(Array(length).fill(7))),
  },
  {
    name: "drafts before, and OpenAPI",
    schema: {
      ...closed({
        a: { $ref: "#/definitions/pair" },
        b: { type: "string", nullable: true },
        c: { type: "integer", minimum: 1, exclusiveMinimum: true },
      }),
      definitions: { pair: { type: "array", items: [{ type: "integer" }, { type: "string" }], additionalItems: false } },
      dependencies: { a: ["b"] },
    },
    takes: ['{"a":[1,"x"],"b":null,"c":2}', '{"a":[],"b":"","c":3}'],
    leaves: ['{"a":[1,"x",2],"b":null,"c":2}', '{"a":[1],"b":1,"c":2}', '{"a":[],"b":null,"c":1}'],
  },
  {
    name: "names of keywords that are none",
    schema: closed({
      pattern: { type: "string", default: { uniqueItems: true }, examples: [{ not: {} }] },
      $ref: { enum: [{ if: 1 }, "x"] },
      contains: { type: "boolean", description: "uniqueItems" },
    }),
    takes: ['{"pattern":"[","$ref":{"if":1},"contains":true}'],
    leaves: ['{"pattern":1,"$ref":"x","contains":true}'],
  },
  {
    name: "a web address of at most so many characters, as pydantic writes it",
    schema: { type: "string", format: "uri", minLength: 1, maxLength: 2083 },
    takes: ['"https://example.org/a?b=%20"', `"http://a.b/${"c".repeat(200)}"`],
    leaves: ['""', '"https://"', `"http://a.b/${"c".repeat(2100)}"`],
  },
  {
    name: "an address of at most so many characters",
    schema: { type: "string", format: "email", maxLength: 20 },
    takes: ['"joe.b+c@example.com"'],
    leaves: ['"joe.bloggs@example.com"', '"joe@example"'],
  },
  {
    name: "a host whose bound all of them keep",
    schema: { type: "string", format: "hostname", maxLength: 253 },
    takes: [`"${"a".repeat(63)}.org"`],
    leaves: [`"${"a".repeat(64)}.org"`],
  },
  {
    name: "whole numbers of 32 bits",
    schema: { type: "integer", format: "int32" },
    takes: ["-2147483648", "0", "2147483647"],
    leaves: ["-2147483649", "2147483648", "1.5"],
  },
  {
    name: "whole numbers of 64 bits without a sign",
    schema: { type: "number", format: "uint64", minimum: 3 },
    takes: ["3", "18446744073709551615"],
    leaves: ["2", "18446744073709551616", "3.5"],
  },
  {
    name: "a property that is never there, as zod writes it",
    schema: closed({ a: { not: {} }, b: { type: "integer" } }, ["b"]),
    takes: ['{"b":1}'],
    leaves: ['{"a":1,"b":1}'],
  },
  {
    name: "one of nothing and a text, as converters write what is optional",
    schema: { anyOf: [{ not: {} }, { type: "string" }] },
    takes: ['"a"'],
    leaves: ["1", "null", "{}"],
  },
  {
    name: "what is none of some texts, and not null",
    schema: { not: { enum: ["a", "bc", null] } },
    takes: ['"b"', '""', '"abc"', "true", "1", "[]", "{}"],
    leaves: ['"a"', '"bc"', "null"],
  },
  {
    name: "a text without what a pattern finds",
    schema: { type: "string", not: { pattern: "b|^$" }, maxLength: 2 },
    takes: ['"a"', '"é"'],
    leaves: ['""', '"ab"', '"aaa"'],
  },
  {
    name: "no text, and no number from 3 to 5",
    schema: { not: { anyOf: [{ type: "string" }, { type: "number", minimum: 3, exclusiveMaximum: 5 }] } },
    takes: ["2.9", "5", "null", "[]"],
    leaves: ['"a"', "3", "4.9"],
  },
  {
    name: "no list of one or two elements",
    schema: { type: "array", not: { minItems: 1, maxItems: 2 }, items: { type: "null" } },
    takes: ["[]", "[null,null,null]"],
    leaves: ["[null]", "[null,null]"],
  },
  {
    name: "a pattern of zod, whose name stands in its format",
    schema: { type: "string", format: "starts_with", pattern: "^ab.*" },
    takes: ['"ab"', '"abc"'],
    leaves: ['"a"'],
  },
];

const FORMATS: [format: string, takes: string[], leaves: string[]][] = [
  [
    "date",
    ["2024-02-29", "2026-11-30", "2000-02-29"],
    ["2023-02-29", "0000-01-01", "1900-02-29", "2026-11-31", "2026-13-01", "26-01-01"],
  ],
  ["time", ["12:34:56Z", "01:02:03.25+05:30"], ["23:59:60Z", "24:00:00Z", "12:34:56", "12:60:00Z", "12:34:60Z"]],
  ["date-time", ["2026-11-29T22:23:41Z", "2024-02-29t00:00:00.5-08:00"], ["2026-11-29 22:23:41Z", "2023-02-29T00:00:00Z"]],
  ["duration", ["P3Y6M4DT12H30M5S", "PT1S", "P2W"], ["P", "PT", "P1Y2W", "1D"]],
  [
    "email",
    ["joe@example.com", "a.b+c@x-y.org", "o'neil@x.org"],
    ["joe", "joe@example", "@x.org", "a..b@x.org", ".a@x.org", "a@-x.org", '\\"a b\\"@x.org', "joe@[127.0.0.1]"],
  ],
  [
    "hostname",
    ["localhost", "a-b.example.org", `${"a".repeat(63)}.org`],
    ["-a", "a-", "a..b", `${"a".repeat(64)}.org`, "a_b", ""],
  ],
  ["ipv4", ["0.0.0.0", "255.249.199.9"], ["256.0.0.0", "1.2.3", "01.2.3.4", "1.2.3.4.5"]],
  [
    "ipv6",
    ["::", "::1", "2001:db8::ff00:42:8329", "1:2:3:4:5:6:7:8", "::ffff:1.2.3.4"],
    ["1::2::3", ":::", "12345::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9"],
  ],
  ["uuid", ["2eb8aa08-aa98-11ea-b4aa-73b441d16380"], ["2eb8aa08-aa98-11ea-b4aa-73b441d1638", "2eb8aa08aa9811eab4aa73b441d16380"]],
  [
    "uri",
    ["https://example.org/a?b=c#d", "mailto:joe@example.com", "http://[::1]:80/%20", "urn:x:y"],
    ["/a", "example.org", "http://a b", "http://a/%2", "http://[::1"],
  ],
];

describe("what a grammar takes", () => {
  const formats = FORMATS.map(([format, takes, leaves]) => ({
    ...{ name: `the format ${format}`, schema: { type: "string", format } },
    takes: takes.map((text) => `"${text}"`),
    leaves: leaves.map((text) => `"${text}"`),
  }));
  test.each([...CASES, ...formats])("$name", ({ schema, takes, leaves }) => {
    const match = matcher(schemaGrammar(schema, { strict: true, prefix: "case-1" }));
    expect(takes.filter((text) => !match(text))).toEqual([]);
    expect(leaves.filter(match)).toEqual([]);
  });
});

describe("what no grammar holds", () => {
  const choices = (name: string, count: number) =>
    Array.from({ length: count }, (_, i) => ({ type: "object", properties: { [name]: { const: i } }, required: [name] }));
  const circle = { $ref: "#/$defs/a", $defs: { a: { allOf: [{ $ref: "#/$defs/b" }] }, b: { $ref: "#/$defs/a" } } };
  test.each([
    ["a circle of references", circle, "/$defs/a", "$ref", "it leads back to itself"],
    ["a reference to nowhere", { properties: { x: { $ref: "#/$defs/none" } } }, "/properties/x", "$ref", "leads nowhere"],
    ["a reference to another host", { $ref: "https://example.org/schema.json" }, "", "$ref", "nothing is fetched"],
    [
      "bounds that exclude each other",
      { properties: { x: { minimum: 3, maximum: 2 } } },
      "/properties/x",
      "maximum",
      "no number is between",
    ],
    ["a bound that excludes the other", { exclusiveMinimum: 2, maximum: 2 }, "", "maximum", "no number is between"],
    ["lengths that exclude each other", { minLength: 3, maxLength: 2 }, "", "maxLength", 'less than "minLength"'],
    [
      "a value without an end",
      { type: "object", properties: { x: { $ref: "#" } }, required: ["x"] },
      "",
      "",
      "no value satisfies it",
    ],
    ["types that exclude each other", { allOf: [{ type: "string" }, { type: "integer" }] }, "", "", "no value satisfies it"],
    ["false", false, "", "", "no value satisfies it"],
    ["a text", "string", "", "", "a schema is an object, true or false"],
    ["a reference to what is no schema", { $ref: "#/$defs/a", $defs: { a: 5 } }, "", "$ref", "leads to no schema"],
    ["more than 256 KiB", { description: "x".repeat(256 * 1024) }, "", "", "at most 256 KiB"],
    [
      "alternatives that multiply",
      { allOf: Array.from({ length: 12 }, () => ({ anyOf: [1, 2, 3, 4].map((minLength) => ({ type: "string", minLength })) })) },
      "",
      "allOf",
      "are too many",
    ],
    [
      "alternatives of too many steps",
      { properties: { x: { allOf: [{ anyOf: choices("a", 400) }, { anyOf: choices("b", 600) }] } } },
      "/properties/x",
      "allOf",
      "are too many",
    ],
    [
      "a constant that is too deep",
      { properties: { x: { enum: [JSON.parse("[".repeat(120) + "]".repeat(120))] } } },
      "/properties/x",
      "enum",
      "deeper than 100",
    ],
  ])("%s is refused, whether strict or not", (_, schema, pointer, keyword, reason) => {
    for (const strict of [true, false]) {
      const error = caught(() => schemaGrammar(schema, { strict, prefix: "x" }));
      expect(error).toMatchObject({ pointer, keyword });
      expect(error.reason).toContain(reason);
    }
  });

  test.each([
    ["uniqueItems", { uniqueItems: true, type: "array" }, "uniqueItems"],
    ["look-behind", { type: "string", pattern: "^(?<!a)b" }, "pattern"],
    ["back-references", { type: "string", pattern: "^(a)\\1$" }, "pattern"],
    ["an unknown format", { type: "string", format: "isbn" }, "format"],
    ["an unknown keyword", { type: "string", maxlength: 3 }, "maxlength"],
    ["an unknown type", { type: "int" }, "type"],
    ["contains", { contains: { const: 1 } }, "contains"],
    ["branches that overlap", { oneOf: [{ type: "string" }, { minLength: 2 }] }, "oneOf"],
    ["a length that is none", { type: "string", maxLength: "5" }, "maxLength"],
    ["null for a schema of elements", { type: "array", items: null }, "items"],
    ["a number for a schema of further properties", { type: "object", additionalProperties: 5 }, "additionalProperties"],
    ["a text for a schema of names", { propertyNames: "x" }, "propertyNames"],
    ["a text for a schema of what is not evaluated", { unevaluatedProperties: "x" }, "unevaluatedProperties"],
    ["a reference that is no text", { $ref: 5 }, "$ref"],
    ["no type at all", { type: [] }, "type"],
    ["no alternatives at all", { anyOf: [] }, "anyOf"],
    ["a required name that is no text", { type: "object", required: [5] }, "required"],
    ["names that another needs, and are none", { dependentRequired: { a: "b" } }, "dependentRequired"],
    ["a list of dependent schemas", { dependentSchemas: [] }, "dependentSchemas"],
    ["a flag that is none", { type: "array", uniqueItems: "yes" }, "uniqueItems"],
    ["another flag that is none", { type: "string", nullable: "yes" }, "nullable"],
    ["a pattern of many states beside constants", { enum: ["x", "y"], pattern: "(a|b)*a(a|b){14}" }, "pattern"],
    ["bounds of too many digits", { type: "number", minimum: 1e-300 }, "minimum"],
    ["names by a pattern of many states", { patternProperties: { "(a|b)*a(a|b){14}": {} } }, "patternProperties"],
    ["names that need a pattern of many states", { propertyNames: { pattern: "(a|b)*a(a|b){14}" } }, "propertyNames"],
    [
      "names by many patterns",
      { patternProperties: Object.fromEntries(["a", "b", "c", "d", "e", "f", "g"].map((name) => [name, {}])) },
      "patternProperties",
    ],
  ])("%s is refused where strict, else passed over and named", (_, schema, keyword) => {
    const whole = { type: "object", properties: { "a/b": schema }, required: ["a/b"] };
    const error = caught(() => schemaGrammar(whole, { strict: true, prefix: "x" }));
    expect(error).toMatchObject({ pointer: "/properties/a~1b", keyword });
    expect(error.message).toStartWith(`"${keyword}" at "/properties/a~1b" cannot be enforced: `);
    expect(error.message).toEndWith('. Without "strict": true it is passed over.');
    expect(schemaGrammar(whole, { strict: false, prefix: "x" }).passed_over).toEqual([{ pointer: "/properties/a~1b", keyword }]);
  });

  test("deep nesting is one clear error, or none", () => {
    const nested = (depth: number, wrap: (inner: unknown) => unknown): unknown => {
      let schema: unknown = { type: "integer" };
      for (let i = 0; i < depth; i++) schema = wrap(schema);
      return schema;
    };
    const arrays = (depth: number) => nested(depth, (items) => ({ type: "array", items }));
    expect(matcher(schemaGrammar(arrays(1_000), { strict: true, prefix: "x" }))("[]")).toBe(true);
    expect(caught(() => schemaGrammar(arrays(3_000), { strict: true, prefix: "x" })).reason).toContain(
      "at most 6000 are permitted",
    );
    expect(caught(() => schemaGrammar(arrays(100_000), { strict: true, prefix: "x" })).reason).toContain("256 KiB");
    const within = nested(3_000, (inner) => ({ allOf: [inner] }));
    expect(caught(() => schemaGrammar(within, { strict: true, prefix: "x" })).reason).toContain("deeper than 200");
  });
});

test.each([
  ["a property", { properties: { "a/b": "string" } }, "/properties/a~1b"],
  ["a property of a name by a pattern", { patternProperties: { a: 5 } }, "/patternProperties/a"],
  ["an element", { prefixItems: [5] }, "/prefixItems/0"],
  ["an alternative", { anyOf: [{ type: "string" }, null] }, "/anyOf/1"],
  ["a part", { allOf: ["x"] }, "/allOf/0"],
  ["what a name needs", { dependentSchemas: { a: 3 } }, "/dependentSchemas/a"],
  ["what a name needs, in older drafts", { dependencies: { a: "b" } }, "/dependencies/a"],
])("%s that is no schema is refused where strict, else passed over and named", (_, schema, pointer) => {
  const error = caught(() => schemaGrammar(schema, { strict: true, prefix: "x" }));
  expect(error).toMatchObject({ pointer, keyword: "" });
  expect(error.message).toContain(`The schema at "${pointer}" cannot be enforced: a schema is an object, true or false.`);
  expect(schemaGrammar(schema, { strict: false, prefix: "x" }).passed_over).toEqual([{ pointer, keyword: "" }]);
});

describe("what would cost too much", () => {
  const named = (count: number, of: (i: number) => unknown) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, of(i)]));
  test.each([
    ["a pattern of many states", { type: "string", pattern: "(a|b)*a(a|b){14}" }, ["pattern"]],
    [
      "names that need each other",
      { type: "object", properties: named(40, () => ({})), dependentRequired: named(40, (i) => [`k${39 - i}`]) },
      "too many rules",
    ],
    ["many properties", named(10_000, () => ({})), "too many rules"],
  ])("%s", (_, schema, outcome) => {
    const whole = "type" in schema ? schema : { type: "object", properties: schema };
    const make = () => schemaGrammar(whole, { strict: false, prefix: "x" }).passed_over.map(({ keyword }) => keyword);
    if (typeof outcome !== "string") expect(make()).toEqual(outcome);
    else expect(caught(make).reason).toMatch(/too many (rules|states)|at most 6000/);
  });
});

test("branches that hold each other are told apart by what they do not hold", () => {
  const node = { $ref: "#/$defs/node" };
  const tree = (...oneOf: unknown[]) => ({ ...node, $defs: { node: { oneOf } } });
  const leaf = closed({ left: node });
  const inner = closed({ left: node, right: { type: "string" } });
  const match = matcher(schemaGrammar(tree({ type: "null" }, leaf, inner), { strict: true, prefix: "x" }));
  expect(['{"left":{"left":null,"right":"a"}}', "null"].filter((text) => !match(text))).toEqual([]);
  expect(match('{"right":"a"}')).toBe(false);
  const { passed_over } = schemaGrammar(tree({ type: "object", required: ["left"] }, inner), { strict: false, prefix: "x" });
  expect(passed_over).toEqual([{ pointer: "/$defs/node", keyword: "oneOf" }]);
});

describe("alternatives that hold each other", () => {
  const node = { $ref: "#/$defs/node" };
  const nodes = { type: "array", items: node };
  const tree = (...kinds: unknown[]) => ({ ...node, $defs: { node: { anyOf: kinds } } });
  const deep = (levels: number, [before, behind]: [string, string], inner: string): string =>
    before.repeat(levels) + inner + behind.repeat(levels);
  const id = (title: string) => ({ type: "integer", title });

  test.each([
    [
      "a constant behind the parts that they share tells them apart",
      ["a", "b"].map((kind) => closed({ id: id(kind), nodes, kind: { const: kind } })),
      ['{"id":1,"nodes":[', '],"kind":"b"}'],
      '{"id":2,"nodes":[],"kind":"a"}',
      '{"id":1,"nodes":[{"id":2,"nodes":[],"kind":"c"}],"kind":"b"}',
    ],
    [
      "the same, where other properties are permitted and may be left out",
      ["a", "b"].map((kind) => ({
        type: "object",
        properties: { id: id(kind), nodes, kind: { const: kind } },
        required: ["kind"],
      })),
      ['{"nodes":[', '],"kind":"b","more":[{}]}'],
      '{"kind":"a"}',
      '{"nodes":[],"kind":"c"}',
    ],
    [
      "what may be null in one of them and not in the other",
      [closed({ next: node, kind: { const: "a" } }), closed({ next: { anyOf: [node, { type: "null" }] }, kind: { const: "b" } })],
      ['{"next":', ',"kind":"a"}'],
      '{"next":null,"kind":"b"}',
      '{"next":null,"kind":"a"}',
    ],
    [
      "elements before the one that tells them apart",
      ["+", "-"]
        .map((sign) => ({ type: "array", prefixItems: [node, { const: sign }, node], items: false, minItems: 3 }))
        .concat({ type: "integer" } as never),
      ["[", ',"-",1]'],
      '[1,"+",2]',
      '[1,"*",2]',
    ],
    [
      "numbers of elements",
      [...[0, 1, 2].map((minItems) => ({ ...nodes, minItems })), { type: "string" }],
      ["[", "]"],
      '["a","b"]',
      "[1]",
    ],
    ["a list of at most so many", [closed({ nodes: { ...nodes, maxItems: 200 } })], ['{"nodes":[', "]}"], '{"nodes":[]}', "{}"],
  ] satisfies [string, unknown[], [string, string], string, string][])("%s", (_, kinds, around, inner, wrong) => {
    const match = matcher(schemaGrammar(tree(...kinds), { strict: true, prefix: "x" }));
    // As many readings as two to the power of the levels would take hours.
    expect(match(deep(40, around, inner))).toBe(true);
    expect(match(wrong)).toBe(false);
    expect(match(deep(40, around, wrong))).toBe(false);
  });

  const alike = ["a", "b"].map((kind, i) =>
    closed({ value: { type: "integer", ...(i === 0 ? { maximum: 5 } : { minimum: 3 }) }, nodes, kind: { const: kind } }),
  );

  test("are refused where each level multiplies the readings", () => {
    for (const strict of [true, false])
      expect(caught(() => schemaGrammar(tree(...alike), { strict, prefix: "x" })).reason).toContain("read in too many ways");
    const tools = [{ schema: { ...closed({ a: node }), ...{ $defs: tree(...alike).$defs } }, strict: false }];
    expect(caught(() => schemaGrammars(tools, { prefix: "x" })).reason).toContain("read in too many ways");
    const lists = tree({ ...nodes, maxItems: 3_000 }, { type: "string" });
    expect(caught(() => schemaGrammar(lists, { strict: false, prefix: "x" })).reason).toContain("read in too many ways");
  });

  test("are refused where they are, however long the schema is", () => {
    const harmless = Array.from({ length: 700 }, (_, i) => closed({ [`a${i}`]: { type: "integer" }, kind: { const: `k${i}` } }));
    const schema = closed({
      first: { anyOf: harmless },
      a: node,
      ...Object.fromEntries(harmless.map((kind, i) => [`p${i}`, kind])),
    });
    expect(
      caught(() => schemaGrammar({ ...schema, $defs: tree(...alike).$defs }, { strict: false, prefix: "x" })).reason,
    ).toContain("read in too many ways");
    schemaGrammar({ ...schema, $defs: { node: {} } }, { strict: true, prefix: "x" });
  });

  test("are those of another place too", () => {
    const kinds = ["a", "b"].map((kind) => closed({ id: id(kind), nodes, kind: { const: kind } }));
    const schema = { anyOf: [closed({ parent: { type: "null" } }), node], $defs: tree(...kinds).$defs };
    expect(matcher(schemaGrammar(schema, { strict: true, prefix: "x" }))('{"id":1,"nodes":[],"kind":"b"}')).toBe(true);
  });

  test("are taken beside long lists of other values", () => {
    const list = { type: "array", items: { type: "string", format: "date-time" }, maxItems: 5_000 };
    const kinds = [{ properties: { id: { properties: { list } } } }, { properties: { list } }];
    const match = matcher(schemaGrammar({ type: "object", oneOf: kinds }, { strict: false, prefix: "x" }));
    expect(match('{"id":{"list":["2026-11-30T04:50:31Z"]}}')).toBe(true);
  });

  test("are taken where they are few, or told apart at once", () => {
    const kinds = Array.from({ length: 60 }, (_, i) => closed({ name: { type: "string" }, [`k${i}`]: { type: "integer" } }));
    expect(matcher(schemaGrammar({ anyOf: kinds }, { strict: true, prefix: "x" }))('{"name":"a","k59":1}')).toBe(true);
    const [first] = alike;
    const leaves = closed({ one: { anyOf: [first, closed({ value: { type: "integer" }, leaf: {} })] } });
    expect(
      matcher(schemaGrammar({ ...leaves, $defs: { node: leaves } }, { strict: true, prefix: "x" }))(
        '{"one":{"value":1,"leaf":[]}}',
      ),
    ).toBe(true);
  });
});

test("no names are invented where a schema says nothing of others", () => {
  const named = {
    type: "object",
    properties: { a: { type: "object" }, b: { type: "object", additionalProperties: true, properties: { c: {} } } },
  };
  const match = matcher(schemaGrammar(named, { strict: true, prefix: "x", named_only: true }));
  expect(["{}", '{"a":{"x":1},"b":{"c":1,"d":2}}'].filter((text) => !match(text))).toEqual([]);
  expect(['{"x":1}', '{"a":{},"x":1}'].filter(match)).toEqual([]);
  const parts = {
    allOf: [
      { type: "object", properties: { a: {} } },
      { properties: { b: {} }, minProperties: 2 },
    ],
  };
  expect(matcher(schemaGrammar(parts, { strict: true, prefix: "x", named_only: true }))('{"a":1,"b":2}')).toBe(true);
});

test("several schemas share their rules, and the one at fault is named", () => {
  const tool = (name: string) => ({ schema: closed({ [name]: { type: "string" }, size: { type: "number" } }), strict: true });
  const { rules, values } = schemaGrammars([tool("a"), tool("b")], { prefix: "tools" });
  expect(values.map(({ root }) => matcher({ rules, root })('{"b":"x","size":1.5}'))).toEqual([false, true]);
  const alone = schemaGrammar(tool("a").schema, { strict: true, prefix: "tools" }).rules.length;
  expect(rules.length).toBeLessThan(alone * 1.5);
  const named = caught(() =>
    schemaGrammars([tool("a"), { schema: false, strict: false }], { prefix: "tools" }, (error, index) => {
      throw new UnsupportedSchema(`/tools/${index}`, error.keyword, error.reason);
    }),
  );
  expect(named).toMatchObject({ pointer: "/tools/1", reason: "no value satisfies it" });
});

function caught(run: () => unknown): UnsupportedSchema {
  try {
    run();
  } catch (error) {
    if (error instanceof UnsupportedSchema) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}
