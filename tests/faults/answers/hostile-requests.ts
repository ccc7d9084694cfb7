// Tools, schemas and grammars that were made to hold up or end what reads them, and what no request may have.
import { schemaFormat, tool } from "./kinds.ts";

export interface HostileRequest {
  name: string;
  fields: Record<string, unknown>;
  /** Of the refusal; absent where an answer is all right as well. */
  param?: string;
  code?: string;
}

const SCHEMA = "response_format.json_schema.schema";
const PARAMETERS = "tools[0].function.parameters";
const KIB = 1024;

const nested = (depth: number, leaf: object, around: (schema: object) => object): object =>
  Array.from({ length: depth }).reduce<object>((schema) => around(schema), leaf);
const many = (count: number, make: (index: number) => object): object[] =>
  Array.from({ length: count }, (_, index) => make(index));
const properties = (count: number, schema: object, name = "p"): object => ({
  type: "object",
  properties: Object.fromEntries(Array.from({ length: count }, (_, index) => [`${name}${index}`, schema])),
});

const chain = (length: number, next: (reference: object) => object, last: object): object => {
  const links = many(length, (index) => next({ $ref: `#/$defs/d${index + 1}` }));
  return { $ref: "#/$defs/d0", $defs: Object.fromEntries([...links, last].map((schema, index) => [`d${index}`, schema])) };
};
/** Written out, these were 2^30 schemas. */
const doubling = (twice: (reference: object) => object): object => chain(30, twice, { type: "string" });

const SCHEMAS: [name: string, schema: object, impossible?: true][] = [
  ["a reference to nowhere", { $ref: "#/$defs/none" }, true],
  ["a reference to another host", { $ref: "https://example.com/a.json" }, true],
  ["a cycle of references", { $ref: "#/$defs/a", $defs: { a: { $ref: "#/$defs/b" }, b: { $ref: "#/$defs/a" } } }, true],
  ["a cycle that needs itself", { type: "object", properties: { a: { $ref: "#" } }, required: ["a"] }, true],
  ["contradictory bounds", { type: "integer", minimum: 5, maximum: 4 }, true],
  ["no value at all", { allOf: [{ type: "string" }, { type: "integer" }] }, true],
  ["false", { type: "object", properties: { a: false }, required: ["a"] }, true],
  ["a chain of 5,000 references", chain(5_000, (next) => next, { type: "boolean" })],
  ["allOf that doubles 30 times", doubling((next) => ({ allOf: [next, next] }))],
  ["anyOf that doubles 30 times", doubling((next) => ({ anyOf: [next, next] }))],
  ["items that double 30 times", doubling((next) => ({ type: "array", prefixItems: [next, next], minItems: 2 }))],
  ["10,000 alternatives", { anyOf: many(10_000, (i) => ({ const: `value ${i * 7919}` })) }],
  ["10,000 alike alternatives", { anyOf: many(10_000, () => ({ type: "object", properties: { a: { type: "string" } } })) }],
  ["allOf of 1,000 anyOf", { allOf: many(1_000, (i) => ({ anyOf: [{ minimum: i }, { maximum: -i }, { type: "string" }] })) }],
  ["oneOf of 200 overlapping objects", { oneOf: many(200, (i) => properties(20, { type: "integer", minimum: i })) }],
  ["5,000 properties", properties(5_000, { type: "integer" })],
  [
    "nested 60 deep",
    nested(60, { type: "string" }, (schema) => ({ type: "object", properties: { a: schema }, required: ["a"] })),
  ],
  ["anyOf nested 14 deep", nested(14, { type: "string" }, (schema) => ({ anyOf: [schema, { type: "array", items: schema }] }))],
  ["a pattern that explodes", { type: "string", pattern: "^(a|b)*a(a|b){40}$" }],
  ["a pattern of nested repeats", { type: "string", pattern: "^((((a{1,99}){1,99}){1,99}){1,99}){1,99}$" }],
  ["a pattern that backtracks", { type: "string", pattern: "^(a+)+$" }],
  ["a pattern that cannot be read", { type: "string", pattern: "([" }],
  ["a pattern of 60 KiB", { type: "string", pattern: `^${"(ab|c)?".repeat(8_700)}$` }],
  ["many patterns that explode", properties(100, { type: "string", pattern: "^(a|b)*a(a|b){12}$" })],
  ["a string of 10^9 characters", { type: "string", minLength: 1e9 }],
  ["10^9 items", { type: "array", items: { type: "integer" }, minItems: 1e9, maxItems: 2e9 }],
  ["numbers of 300 digits", { type: "integer", minimum: 1e300, maximum: 1.7e308 }],
  ["multiples of a tiny number", { type: "number", multipleOf: 1e-300 }],
  ["multiples of a large prime", { type: "integer", multipleOf: 999_999_999_989 }],
];

const DOUBLING_RULES = Array.from({ length: 30 }, (_, index) => `r${index} ::= r${index + 1} r${index + 1}`).join("\n");

const GRAMMARS: [name: string, grammar: string, impossible?: true][] = [
  ["no grammar", "no grammar at all", true],
  ["left recursion", 'root ::= rest\nrest ::= rest "a" | "b"', true],
  ["left recursion behind nothing", 'root ::= x root "a"\nx ::= ""', true],
  ["a rule that is missing", "root ::= other", true],
  ["NUL", 'root ::= "a\0b"'],
  ["nothing but NUL", "\0", true],
  ["1 MiB", `root ::= "${"a".repeat(KIB * KIB)}"`, true],
  ["repeats of repeats", "root ::= ((((((a{1,99}){1,99}){1,99}){1,99}){1,99}){1,99})\na ::= [a-z]", true],
  ["a repeat without bound", 'root ::= ("a"?){1000000000}', true],
  ["many readings of one text", `root ::= ${'("a" | "a" "a" | "a"*) '.repeat(30)}`],
  ["rules that double 30 times", `${DOUBLING_RULES}\nr30 ::= "a"?\nroot ::= r0`],
  ["no end", 'root ::= "a" root'],
];

const named = (names: string[]) => names.map((name) => tool(name, {}));
const numbered = (count: number): string[] => Array.from({ length: count }, (_, index) => `t${index}`);
const padded = (bytes: number): object => ({ type: "object", description: "x".repeat(bytes - 40), properties: {} });

const refused = (name: string, fields: Record<string, unknown>, param: string, code = "invalid_value"): HostileRequest => {
  return { name, fields, param, code };
};
const choiceOf = (name: string) => ({ type: "function", function: { name } });

const REFUSED: readonly HostileRequest[] = [
  refused("1,025 tools", { tools: named(numbered(1_025)) }, "tools", "too_many_items"),
  refused("two tools of one name", { tools: named(["look", "see", "look"]) }, "tools[2].function.name"),
  refused("a name with a space", { tools: named(["look at"]) }, "tools[0].function.name"),
  refused("a name of 129 characters", { tools: named(["x".repeat(129)]) }, "tools[0].function.name"),
  refused("a choice of no tool", { tools: named(["a"]), tool_choice: choiceOf("b") }, "tool_choice.function.name"),
  refused("a bias beyond the vocabulary", { logit_bias: { 9999999: 1 } }, "logit_bias"),
  refused("nine choices", { n: 9 }, "n"),
  refused("top_logprobs without logprobs", { top_logprobs: 2 }, "top_logprobs"),
  refused("parameters of 257 KiB", { tools: [tool("a", padded(257 * KIB))] }, PARAMETERS),
  refused("a schema of 257 KiB", { response_format: schemaFormat(padded(257 * KIB)) }, SCHEMA),
];

export const HOSTILE_REQUESTS: readonly HostileRequest[] = [
  ...SCHEMAS.flatMap(([name, schema, impossible]) => [
    {
      name: `response_format: ${name}`,
      fields: { response_format: schemaFormat(schema) },
      ...(impossible && { param: SCHEMA, code: "unsupported_schema" }),
    },
    {
      name: `parameters: ${name}`,
      fields: { tools: [tool("look", { type: "object", properties: { a: schema }, required: ["a"] })], tool_choice: "required" },
      // The place of a definition changes with the schema around it.
      ...(impossible && !JSON.stringify(schema).includes("#") && { param: PARAMETERS, code: "unsupported_schema" }),
    },
  ]),
  ...GRAMMARS.map(([name, grammar, impossible]) => ({
    name: `grammar: ${name}`,
    fields: { grammar },
    ...(impossible && { param: "grammar", code: "invalid_value" }),
  })),
  ...REFUSED,
  { name: "1,024 alike tools", fields: { tools: named(numbered(1_024)), max_tokens: 2 } },
  {
    name: "1,024 different tools",
    fields: {
      tools: numbered(1_024).map((name, i) => tool(name, properties(2, { type: "string" }, `q${i}_`))),
      tool_choice: "required",
    },
  },
  { name: "parameters of 255 KiB", fields: { tools: [tool("a", padded(255 * KIB))] } },
];
