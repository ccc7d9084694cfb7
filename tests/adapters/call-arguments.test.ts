// Names and values that the syntax of a call could confuse: a call with them is read as it was written, or its schema is refused.
import { beforeAll, describe, expect, test } from "bun:test";
import type { AdapterError, Tool } from "../../adapters/adapter.ts";
import type { CallSyntax } from "../../adapters/call-syntax.ts";
import { schemaFailure } from "../../adapters/shared/json-schema-grammar/schema-failure.ts";
import { type CallGrammar, callGrammar } from "../../adapters/shared/tool-calls/call-grammar.ts";
import { createCallReader } from "../../adapters/shared/tool-calls/call-reader.ts";
import { nativeAddon } from "../../src/executable/carried-engines.ts";
import { openNativeGrammar } from "../support/native-grammar.ts";
import { createDice, randomSchema } from "../support/random-schemas.ts";
import { randomTexts } from "../support/random-text.ts";
import { syntaxOf } from "../support/template-syntax.ts";
import { TOOL_TEMPLATES } from "../support/tool-templates.ts";

type Family = keyof typeof TOOL_TEMPLATES;

let matcher: Awaited<ReturnType<typeof openNativeGrammar>>;
const syntaxes = new Map<string, CallSyntax>();
beforeAll(async () => {
  matcher = await openNativeGrammar();
  const addon = (await nativeAddon(process.env))!;
  for (const [family, template] of Object.entries(TOOL_TEMPLATES)) syntaxes.set(family, syntaxOf(template, addon)!);
});

const HALVES = ["\ud800", "a\udc00b"];
const QUOTED = ['<|"|>', '<|"|>x<|"|>:'];
const ODD = [
  ...HALVES,
  ...QUOTED,
  ...["", " a", "a ", "a b", "a:b", "a: b", "c=d", "a,b", "a.b", "'", '"', 'a"b', "\\", "\\n", "\n", "a\nb", "é😀"],
  ...["}", "{", "]", "[1]", "{}", ")", ")]<|tool_call_end|>", "-", "1", "null", "true", "item", "__proto__", "constructor"],
  ...["<", ">", "a>b", "a>\nb", "/a", "\n</parameter>", "</arg_value>", "</arg_key><arg_value>", '" string="true">x'],
  ...["]<]x[>[", "]<]x[>[<a>", "</｜DSML｜parameter>", "<tool_call|>", "</tool_call>", "<![CDATA[", "]]>"],
];

/** Names of properties that the syntax has no way to write; those of JSON have one for each. */
const REFUSED: Partial<Record<Family, string[]>> = {
  "qwen coder": [...HALVES, "a>\nb"],
  glm: [...HALVES, "</arg_key><arg_value>"],
  deepseek: [...HALVES, '" string="true">x'],
  gemma: [...HALVES, ...QUOTED],
  minimax: [...HALVES, "/a", ...ODD.filter((name) => name.includes(">"))],
  lfm: [...HALVES, "c=d", ")", ")]<|tool_call_end|>", '" string="true">x'],
};
/** The same of texts. */
const REFUSED_TEXTS: Partial<Record<Family, string[]>> = {
  "qwen coder": [...HALVES, "\n</parameter>"],
  glm: [...HALVES, "</arg_value>"],
  deepseek: [...HALVES, "</｜DSML｜parameter>"],
  gemma: [...HALVES, ...QUOTED],
  minimax: [...HALVES, "]<]x[>[", "]<]x[>[<a>"],
};

const toolOf = (parameters: object, strict: boolean): Tool => ({ type: "function", function: { name: "t", parameters, strict } });
const object = (properties: object, more: object = {}) => ({
  type: "object",
  properties,
  required: Object.keys(properties),
  ...more,
});
const named = (name: string, schema: object): object => object({ [name]: schema }, { additionalProperties: false });

/** Arguments out of texts that the grammar permits, as JSON; undefined where the schema is refused, by a message with a pointer. */
function written(syntax: CallSyntax, parameters: object, count: number): string[] | undefined {
  const tools = [toolOf(parameters, true)];
  const grammar = grammarOf(syntax, tools);
  if (grammar === undefined) return undefined;
  const takes = matcher(grammar);
  // Halves of pairs do not come to the engine as they are.
  const next = randomTexts(`root ::= ${grammar.root}\n${grammar.rules}`.toWellFormed(), 7);
  return Array.from({ length: count }, (_, i) => {
    const text = next();
    if (i === 0) expect({ text, taken: takes(text) }).toEqual({ text, taken: true });
    const reader = createCallReader(syntax, tools);
    const pieces = Array.from(text.matchAll(/[^]{1,9}/g), ([piece]) => reader.read(piece)).flat();
    const { pieces: last, rest } = reader.end();
    const all = [...pieces, ...last];
    expect({ text, rest, calls: all.filter(({ name }) => name !== undefined).length }).toEqual({ text, rest: "", calls: 1 });
    return all.map(({ arguments: given }) => given).join("");
  });
}

function grammarOf(syntax: CallSyntax, tools: Tool[]): CallGrammar | undefined {
  try {
    return callGrammar(syntax, tools, { behind: "", parallel_tool_calls: false });
  } catch (error) {
    expect(error).toMatchObject({ code: "unsupported_schema", param: "tools[0].function.parameters" });
    expect((error as AdapterError).message).toMatch(/ at "\//);
    return undefined;
  }
}

describe.each(Object.keys(TOOL_TEMPLATES) as Family[])("the calls of %s", (family) => {
  const refusedOf = (schema: (text: string) => object, value: (text: string) => object): string[] =>
    ODD.filter((text) => {
      const read = written(syntaxes.get(family)!, schema(text), 2);
      for (const given of read ?? []) expect(JSON.parse(given)).toEqual(value(text));
      return read === undefined;
    });

  test("have the names of properties", () => {
    const refused = refusedOf(
      (name) => named(name, { type: "integer", minimum: 7, maximum: 7 }),
      (name) => ({ [name]: 7 }),
    );
    expect(refused).toEqual(ODD.filter((name) => REFUSED[family]?.includes(name)));
  });

  test("have names within values", () => {
    const nested = syntaxes.get(family)!.arguments.style === "entries" ? [] : REFUSED[family];
    const refused = refusedOf(
      (name) => object({ o: named(name, { const: "x" }) }),
      (name) => ({ o: { [name]: "x" } }),
    );
    expect(refused).toEqual(ODD.filter((name) => nested?.includes(name)));
  });

  test("have texts", () => {
    const refused = refusedOf(
      (text) => object({ p: { const: text } }),
      (text) => ({ p: text }),
    );
    expect(refused).toEqual(ODD.filter((text) => REFUSED_TEXTS[family]?.includes(text)));
  });

  test("tell values of other kinds from texts", () => {
    for (const text of ODD) {
      const [one, other] = [
        { anyOf: [{ const: text }, { type: "integer", minimum: 5 }, { enum: [[text], { a: text }, []] }] },
        { anyOf: [{ const: text }, { type: "null" }, { type: "array", items: { type: "string" }, minItems: 1, maxItems: 3 }] },
      ];
      const parameters = object({ one, other });
      for (const given of written(syntaxes.get(family)!, parameters, 8) ?? [])
        expect({ text, given, failure: schemaFailure(parameters, given, []) }).toEqual({ text, given, failure: undefined });
    }
  });

  test("fit schemas of all kinds", () => {
    let held = 0;
    for (let seed = 0; seed < 25; seed++) {
      const dice = createDice(seed);
      const parts = { p: randomSchema(dice, 1), q: randomSchema(dice, 1) };
      const more = { required: ["p"], additionalProperties: false, $defs: { shared: randomSchema(dice, 2) } };
      const parameters = object(parts, more);
      const read = written(syntaxes.get(family)!, parameters, 4);
      if (read !== undefined) held++;
      for (const given of read ?? [])
        expect({ seed, given, failure: schemaFailure(parameters, given, []) }).toEqual({ seed, given, failure: undefined });
    }
    expect(held).toBeGreaterThan(10);
  });
});
