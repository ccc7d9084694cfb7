import { describe, expect, test } from "bun:test";
import { checkedRequest } from "../../adapters/llama-server/request-body.ts";
import { toStringPattern } from "../../adapters/shared/grammar-limits/string-pattern.ts";
import type { AdapterError, ChatRequest } from "../../adapters/adapter.ts";
import { ask } from "../support/models.ts";

const MODEL = { context_length: 512, vocab_size: 288, own_template: true, template_tools: true, parsed_arguments: true };

/** What the adapter answers before a process is asked; undefined where it lets the request through. */
function refusalOf(request: Partial<ChatRequest>, model = MODEL): Pick<AdapterError, "code" | "param" | "message"> | undefined {
  try {
    checkedRequest(ask("hi", request), model);
    return undefined;
  } catch (error) {
    const { code, param, message } = error as AdapterError;
    return { code, param, message };
  }
}

const LARGE = { ...MODEL, vocab_size: 262_144 };
const ofGrammar = (grammar: string, model = MODEL) => refusalOf({ grammar }, model);
const ofSchema = (schema: object, model = MODEL) =>
  refusalOf({ response_format: { type: "json_schema", json_schema: { name: "answer", schema } } }, model);
const ofTool = (parameters: object) => refusalOf({ tools: [{ type: "function", function: { name: "call", parameters } }] });

const times = (count: number, line: (i: number) => string, between = " "): string =>
  Array.from({ length: count }, (_, i) => line(i)).join(between);
const twice = (count: number, line: (i: number) => string): string =>
  `root ::= a0\na${count} ::= "x"\n${times(count, line, "\n")}`;

/** As programs write the grammar of a JSON object with so many fields. */
const record = (fields: number): string =>
  `root ::= "{" ${times(fields, (i) => `p${i}`, ` "," `)} "}"\n` +
  `${times(fields, (i) => `p${i} ::= "\\"key${i}\\":" ws (string | number)`, "\n")}\n` +
  `ws ::= [ \\t\\n]{0,10}\nstring ::= "\\"" [^"]{0,50} "\\""\nnumber ::= [0-9]+`;

describe("a grammar that costs too much is refused before a process is asked", () => {
  const COSTLY: Record<string, [grammar: string, reason: string]> = {
    "a maximum below its minimum": [`root ::= "a"{5,2}`, "maximum is below its minimum"],
    "a maximum below its minimum, of a group": [`root ::= ("a" | "b"){ 5 , 0 }`, "maximum is below its minimum"],
    "deep groups": [`root ::= ${"(".repeat(30_000)} "a" ${")".repeat(30_000)}`, "64 deep"],
    "rules that double": [twice(20, (i) => `a${i} ::= a${i + 1} a${i + 1} | a${i + 1}`), "too many ways"],
    "rules that double behind different ends": [twice(22, (i) => `a${i} ::= a${i + 1} "x" | a${i + 1} "y"`), "too many ways"],
    "optional parts in a row": [`root ::= ${times(500, () => `("a"?)`)}`, "too many ways"],
    "a count of optional parts": [`root ::= ("a"?){1000}`, "too many ways"],
    "a count of what may be empty": [`root ::= x{0,2000}\nx ::= "a"?`, "too many ways"],
    "counts within counts": [`root ::= (("a"{0,50}){0,50}){0,50}`, "too many ways"],
    "empty alternatives": [`root ::= ${times(40, () => "( | )")} "a"`, "too many ways"],
    "readings that double with each character": [`root ::= x\nx ::= "a" x "b" | "a" x "c" | "d"`, "too many ways"],
    "a rule that goes on in two optional ways": [`root ::= s\ns ::= [a-y ] s? s?`, "too many ways"],
    "repetitions of the same in a row": [`root ::= ${times(30, () => `[a-y ]*`)} "!"`, "too many ways"],
    "alternatives that take the same": [`root ::= ([a-y ] | [a-x ] | [a-w ])*`, "too many ways"],
    "alternatives that take the same gaps": [`root ::= ([a-y ] | [a-x ])*`, "too many ways"],
    "readings that grow with the text": [`root ::= s\ns ::= [a-y ] s s | [a-y ]`, "too many ways"],
    "the same behind a long text": [`root ::= "${"ab".repeat(500)}" x\nx ::= "a" x "b" | "a" x "c" | "d"`, "too many ways"],
    "the same behind a choice": [`root ::= [a-c]+ "!" | "d" x\nx ::= "a" x "b" | "a" x "c" | "d"`, "too many ways"],
    "thousands of alternatives": [`root ::= ${times(5_000, (i) => `"item${i}"`, " | ")}`, "too many ways"],
    "the same behind rules that take all the time of the check": [
      `${record(1_000)}\nhidden ::= "q" x\nx ::= "a" x "b" | "a" x "c" | "d"\n`.replace('"}"', 'hidden? "}"'),
      "too many rules to be checked",
    ],
    "a count that llama.cpp would take for none": [`root ::= "a"{0,2001}`, "more than 2000 times"],
    "counts that are long when written out": [`root ::= ${times(90, () => `"abc"{2000}`)}`, "more than 100000"],
    "too many rules": [`root ::= ${times(6_001, () => `("x")`)}`, "more than 6000 rules"],
    "a rule that begins with itself": [`root ::= root "a" | "b"`, "begins with itself"],
    "a rule that begins with itself behind an empty one": [`root ::= e root "a" | "b"\ne ::= "x"?`, "begins with itself"],
    "a repetition of what may be empty": [`root ::= ("a"?)*`, "begins with itself"],
    "a class that ends before it begins": [`root ::= [z-a]`, "ends before it begins"],
    "a class of nothing": [`root ::= []`, "no characters"],
    "a NUL character": [`root ::= "a"\0 "b"`, "NUL"],
    "a rule that is not there": [`root ::= other`, `"other" is used and not defined`],
    "no root": [`other ::= "a"`, `no rule is called "root"`],
    "no grammar": [`{"type": "object"}`, "not a rule in line 1"],
  };
  for (const [name, [grammar, reason]] of Object.entries(COSTLY)) {
    test(name, () => {
      expect(ofGrammar(grammar)).toEqual({ code: "request_refused", param: "grammar", message: expect.stringContaining(reason) });
    });
  }

  const USUAL: Record<string, string> = {
    "yes or no": `root ::= "yes" | "no"`,
    "a list of words": `root ::= ("- " [a-zA-Z ]{1,80} "\\n"){1,10}`,
    "a choice of a thousand": `root ::= ${times(1_000, (i) => `"item${i}"`, " | ")}`,
    arithmetic: `root ::= (expr "=" ws term "\\n")+ # lines\nexpr ::= term ([-+*/] term)*\nterm ::= num | "(" ws expr ")" ws\nnum ::= [0-9]+ ws\nws ::= [ \\t\\n]*`,
    JSON: String.raw`root ::= object
value ::= object | array | string | number | ("true" | "false" | "null") ws
object ::=
  "{" ws (
    string ":" ws value
    ("," ws string ":" ws value)*
  )? "}" ws
array ::= "[" ws ( value ("," ws value)* )? "]" ws
string ::= "\"" ( [^"\\\x7F\x00-\x1F] | "\\" (["\\bfnrt] | "u" [0-9a-fA-F]{4}) )* "\"" ws
number ::= ("-"? ([0-9] | [1-9] [0-9]{0,15})) ("." [0-9]+)? ([eE] [-+]? [0-9] [1-9]{0,15})? ws
ws ::= | " " | "\n" [ \t]{0,20}`,
    "words of some kinds": `root ::= (word [ ,]+)* word [.!?]\nword ::= [a-z]+ | [A-Z] [a-z]* | [0-9]+ | [a-zA-Z]+ "'" [a-z]+`,
    "words with a gap that may be left out": `root ::= ([a-z]+ " "?)+ "."`,
    "five gaps": `root ::= ${times(5, () => `[a-z ]*`, ` "," `)} [a-z ]* [a-z ]* [a-z ]* "."`,
    "a record of 150 fields": record(150),
    "a token of the vocabulary": `root ::= <think> [^<]* </think> .+`,
    "thirty optional words": `root ::= ${times(30, (i) => `("word${i} ")?`)}`,
  };
  for (const [name, grammar] of Object.entries(USUAL)) {
    test(`and not: ${name}`, () => expect(ofGrammar(grammar)).toBeUndefined());
  }
});

describe("a schema that costs too much is refused before a process is asked", () => {
  const chain = (count: number, next: (ref: string) => object): object => ({
    $defs: Object.fromEntries(
      Array.from({ length: count }, (_, i) => [`d${i}`, i + 1 === count ? { type: "string" } : next(`#/$defs/d${i + 1}`)]),
    ),
    $ref: "#/$defs/d0",
  });
  const nested = (depth: number): object =>
    depth === 0 ? { type: "string" } : { type: "object", properties: { a: nested(depth - 1) } };
  const properties = (count: number): Record<string, object> =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`p${i}`, { type: "null" }]));
  const property = (schema: object): object => ({ type: "object", properties: { inner: schema } });

  const COSTLY: Record<string, [schema: object, reason: string]> = {
    "maxItems below minItems": [{ type: "array", items: { type: "string" }, minItems: 5, maxItems: 2 }, `"maxItems" 2`],
    "maxLength below minLength": [property({ type: "string", minLength: 9, maxLength: 1 }), `#/properties/inner "maxLength" 1`],
    "maximum below minimum": [property({ type: "integer", minimum: 9, maximum: 1 }), `"maximum" 1`],
    "bounds of an integer beyond 64 bits": [
      property({ type: "integer", minimum: -(2 ** 63), maximum: 2 ** 63 }),
      `"minimum" -9223372036854776000 is beyond`,
    ],
    "an exclusive bound beyond 64 bits": [{ type: ["integer", "null"], exclusiveMaximum: 2 ** 63 }, `"exclusiveMaximum"`],
    "exclusive bounds without an integer between": [{ type: "integer", exclusiveMinimum: 5, exclusiveMaximum: 6 }, "no integer"],
    "bounds of both kinds without an integer between": [{ type: "integer", exclusiveMinimum: 5, maximum: 5 }, "no integer"],
    "fractions without an integer between": [{ type: "integer", minimum: 1.5, maximum: 1.6 }, "no integer"],
    "a pattern's maximum below its minimum": [property({ type: "string", pattern: "^a{5,2}$" }), "below its minimum"],
    "a pattern of optional parts": [{ type: "string", pattern: "^(a?){1000}$" }, "too many ways"],
    "a pattern of counts within counts": [{ type: "string", pattern: "^((a{0,50}){0,50}){0,50}$" }, "too many ways"],
    "a pattern with deep groups": [{ type: "string", pattern: `^${"(".repeat(9_000)}a${")".repeat(9_000)}$` }, "64 deep"],
    "a pattern that would be taken for any string": [{ type: "string", pattern: "^(?<=x)a$" }, "has to begin with ^"],
    "alternatives that each use the next twice": [chain(14, ($ref) => ({ anyOf: [{ $ref }, { $ref }] })), "2000 alternatives"],
    "parts that each use the next twice": [chain(14, ($ref) => ({ allOf: [{ $ref }, { $ref }] })), "2000 alternatives"],
    "objects that each use the next twice": [
      chain(40, ($ref) => ({ type: "object", properties: { a: { $ref }, b: { $ref } }, required: ["a", "b"] })),
      "32 levels deep",
    ],
    "a deep schema": [nested(40), "32 levels deep"],
    "a schema that is itself": [{ $defs: { a: { anyOf: [{ $ref: "#/$defs/a" }] } }, $ref: "#/$defs/a" }, "refers to itself"],
    "an enum of thousands": [{ enum: Array.from({ length: 5_000 }, (_, i) => `${i}`) }, "2000 alternatives"],
    "a minimum of thousands": [{ type: "array", items: {}, minItems: 100_000 }, "above 2000"],
    "thousands of properties that may be left out": [
      {
        type: "object",
        properties: properties(1_101),
        required: ["p0", "p0", ...Array.from({ length: 200 }, (_, i) => `q${i}`)],
      },
      "more than 1000 of its properties",
    ],
    "patterns of many alternatives beside one another": [
      { anyOf: [0, 1, 2, 3].map((i) => ({ type: "string", pattern: `^(${times(900, (j) => `v${i}${j}`, "|")})$` })) },
      "too many ways",
    ],
    "objects of many optional properties beside one another": [
      { anyOf: [0, 1, 2, 3].map((i) => ({ type: "object", properties: { [`q${i}`]: {}, ...properties(600) } })) },
      "too many ways",
    ],
    "lists of many values beside one another": [
      { anyOf: [0, 1, 2].map((i) => ({ type: "array", items: { enum: Array.from({ length: 900 }, (_, j) => `${i} ${j}`) } })) },
      "too many ways",
    ],
    "many properties that only an anyOf within an allOf has, all of them required": [
      { allOf: [{ anyOf: [{ properties: properties(2_100), required: Object.keys(properties(2_100)) }] }] },
      "more than 1000 of its properties",
    ],
    "definitions that use one another twice, a key apart": [
      {
        $defs: Object.fromEntries(
          ["a", "b"].map((name) => [
            name,
            { type: "object", properties: { x: { anyOf: [{ $ref: "#/$defs/a" }, { $ref: "#/$defs/b" }] } }, required: ["x"] },
          ]),
        ),
        $ref: "#/$defs/a",
      },
      "too many ways",
    ],
    "the same behind other keys": [
      {
        $defs: Object.fromEntries(
          ["a", "b"].map((name) => [
            name,
            {
              type: "object",
              properties: { ...properties(60), x: { anyOf: [{ $ref: "#/$defs/a" }, { $ref: "#/$defs/b" }] } },
            },
          ]),
        ),
        type: "object",
        properties: { first: { $ref: "#/$defs/a" } },
      },
      "too many ways",
    ],
    "many long bounds": [
      { type: "object", properties: Object.fromEntries(Array.from({ length: 100 }, (_, i) => [i, { maxLength: 2_000 }])) },
      "more than 50000",
    ],
  };
  for (const [name, [schema, reason]] of Object.entries(COSTLY)) {
    test(name, () => {
      const message = expect.stringContaining(reason);
      expect(ofSchema(schema)).toEqual({ code: "request_refused", param: "response_format", message });
      expect(ofTool(schema)).toEqual({ code: "request_refused", param: "tools", message });
    });
  }

  const USUAL: Record<string, object> = {
    "a person": {
      type: "object",
      properties: {
        name: { type: "string", minLength: 1, maxLength: 200 },
        age: { type: "integer", minimum: 0, maximum: 150 },
        code: { type: "string", pattern: "^[A-Z]{2}-\\d{4}$" },
        mail: { type: "string", pattern: "^[\\w.-]+@[\\w.-]+\\.[a-zA-Z]{2,}$" },
        tags: { type: "array", items: { type: "string", enum: ["a", "b"] }, minItems: 1, maxItems: 5 },
      },
      required: ["name"],
      additionalProperties: false,
    },
    "a tree": {
      $defs: { node: { type: "object", properties: { next: { anyOf: [{ $ref: "#/$defs/node" }, { type: "null" }] } } } },
      $ref: "#/$defs/node",
    },
    "an object with twelve levels of two references": chain(12, ($ref) => property({ $ref })),
    "large bounds": { type: "integer", minimum: -(2 ** 53), maximum: 10 ** 18 },
    "bounds with one integer between": { type: "integer", exclusiveMinimum: 5, exclusiveMaximum: 7 },
    "large bounds of a number": { type: "number", minimum: 0, maximum: 1e300 },
    "a pattern of words": { type: "string", pattern: "^(\\w+\\s?)*$" },
    "a repetition of repetitions": { type: "string", pattern: "^(a+)+$" },
    "thousands of properties that have to be there": {
      type: "object",
      properties: properties(2_000),
      required: Object.keys(properties(1_500)),
    },
    "equal bounds": { type: "array", items: {}, minItems: 3, maxItems: 3 },
    "a list of all lengths": { type: "array", items: {}, maxItems: 100_000 },
  };
  for (const [name, schema] of Object.entries(USUAL)) {
    test(`and not: ${name}`, () => expect(ofSchema(schema)).toBeUndefined());
  }
});

describe("the larger the vocabulary, the fewer ways there may be", () => {
  const values = (count: number): object => ({ enum: Array.from({ length: count }, (_, i) => `value ${i}`) });
  const optional = (count: number): object => ({
    type: "object",
    properties: Object.fromEntries(Array.from({ length: count }, (_, i) => [`p${i}`, {}])),
  });
  const choice = (count: number): string => `root ::= ${times(count, (i) => `"item${i}"`, " | ")}`;

  test.each([
    ["an enum", (count: number, model?: typeof MODEL) => ofSchema(values(count), model)],
    ["properties that may be left out", (count: number, model?: typeof MODEL) => ofSchema(optional(count), model)],
    ["a grammar", (count: number, model?: typeof MODEL) => ofGrammar(choice(count), model)],
  ])("%s", (_name, refusal) => {
    expect(refusal(900)).toBeUndefined();
    expect(refusal(900, LARGE)).toMatchObject({ code: "request_refused" });
    // As many as there are countries.
    expect(refusal(249, LARGE)).toBeUndefined();
  });

  test("tools of one name count together", () => {
    const tool = (name: string, parameters: object) => ({ type: "function" as const, function: { name, parameters } });
    const tools = (names: string[]) => refusalOf({ tools: names.map((name) => tool(name, optional(600))) });
    expect(tools(["a", "b", "c", "d"])).toBeUndefined();
    expect(tools(["a", "a", "a", "a"])).toMatchObject({ code: "request_refused", param: "tools" });
  });
});

describe("a pattern becomes one that llama-server reads, and that keeps within a JSON string", () => {
  const BARE = "\\x00-\\x1F\\x22\\x5C";
  const PATTERNS: Record<string, string> = {
    "^.{0,500}$": `^[^\\x0A\\x0D${BARE}]{0,500}$`,
    "^\\d+\\.\\d{2}$": "^[0-9]+\\.[0-9]{2}$",
    "^[\\w.-]+@[^@\\s]+$": `^[a-zA-Z0-9_\\x2E\\x2D]+@[^\\x40 \\x09\\x0A\\x0D${BARE}]+$`,
    "^[ -~]*$": "^[ -\\x21\\x23-\\x5B\\x5D-\\x7E]*$",
    "^(?:a|b)\\/\\-\\S\\s$": `^(?:a|b)/-[^ \\x09\\x0A\\x0D${BARE}][ ]$`,
    "^[äöü😀]$": "^[\\xE4\\xF6\\xFC\\U0001F600]$",
  };
  for (const [pattern, written] of Object.entries(PATTERNS)) test(pattern, () => expect(toStringPattern(pattern)).toBe(written));

  test("one that needs an escape is refused with its field", () => {
    for (const pattern of ['^"$', "^\\\\$", "^a\\n$", '^["\\\\]$', "^\u0001$"])
      expect([pattern, ofSchema({ type: "string", pattern })]).toMatchObject([
        pattern,
        { code: "request_refused", param: "response_format", message: expect.stringContaining("cannot be honoured") },
      ]);
  });
});
