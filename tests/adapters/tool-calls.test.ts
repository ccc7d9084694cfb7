// Calls of tools in the text of an answer: what its grammar permits, and what is read out of it.
import { describe, expect, test } from "bun:test";
import type { Tool } from "../../adapters/adapter.ts";
import type { CallSyntax, EntrySyntax, ValueKind } from "../../adapters/call-syntax.ts";
import { callGrammar } from "../../adapters/shared/tool-calls/call-grammar.ts";
import { createCallReader } from "../../adapters/shared/tool-calls/call-reader.ts";
import { parseLiteral } from "../../adapters/shared/tool-calls/literal.ts";
import { PROMPTED_SYNTAX } from "../../adapters/shared/tool-calls/prompted-syntax.ts";
import { randomTexts } from "../support/random-text.ts";

const tool = (name: string, parameters?: object, strict?: boolean): Tool => ({
  type: "function",
  function: { name, ...(parameters && { parameters }), ...(strict !== undefined && { strict }) },
});
const city = tool("get_weather", { type: "object", properties: { city: { type: "string" } }, required: ["city"] });
const clock = tool("clock");

const KINDS: ValueKind[] = ["string", "number", "boolean", "null", "array", "object"];
const entries: EntrySyntax = {
  ...{ style: "entries", begin: "", between: "", end: "", none: "", key_begin: "<k>", value_end: "</v>" },
  ...{ value_begin: Object.fromEntries(KINDS.map((kind) => [kind, "</k><v>"])) as EntrySyntax["value_begin"] },
  ...{ strings: "raw", others: "json" },
};
const ENTRIES: CallSyntax = {
  ...PROMPTED_SYNTAX,
  triggers: [{ text: "<call>", at_start: false }],
  call: ["<call>", { part: "name" }, { part: "arguments" }, "</call>"],
  arguments: entries,
};

/** The reader's pieces, for pieces of the text. */
function readPieces(syntax: CallSyntax, tools: Tool[] | undefined, texts: readonly string[]) {
  let count = 0;
  const reader = createCallReader(syntax, tools, () => `id${count++}`);
  const pieces = texts.flatMap((text) => reader.read(text));
  const end = reader.end();
  return { pieces: [...pieces, ...end.pieces], rest: end.rest };
}

const CALL = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Rome"}}\n</tool_call>';

describe("a reader of calls", () => {
  test("gives the name when it has come, and arguments as they come", () => {
    const reader = createCallReader(PROMPTED_SYNTAX, [city], () => "call_1");
    expect(reader.read('<tool_call>\n{"name": "get_wea')).toEqual([]);
    expect(reader.read('ther", "arguments": {"ci')).toEqual([
      { type: "tool_call", index: 0, id: "call_1", name: "get_weather", arguments: "" },
      { type: "tool_call", index: 0, arguments: '{"ci' },
    ]);
    expect(reader.read('ty": "}')).toEqual([{ type: "tool_call", index: 0, arguments: 'ty": "}' }]);
    expect(reader.read('"}}\n</tool_c')).toEqual([{ type: "tool_call", index: 0, arguments: '"}' }]);
    expect(reader.end()).toEqual({ pieces: [], rest: "" });
  });

  test("several calls are counted, each with an id of its own", () => {
    const { pieces, rest } = readPieces(PROMPTED_SYNTAX, [city], [`${CALL}\n${CALL}`]);
    expect(pieces.filter(({ name }) => name)).toEqual([
      { type: "tool_call", index: 0, id: "id0", name: "get_weather", arguments: "" },
      { type: "tool_call", index: 1, id: "id1", name: "get_weather", arguments: "" },
    ]);
    expect(rest).toBe("");
  });

  test("a call that is cut amid its arguments is a call", () => {
    const { pieces, rest } = readPieces(PROMPTED_SYNTAX, [city], [CALL.slice(0, CALL.indexOf("ome"))]);
    expect(pieces.map(({ arguments: given }) => given).join("")).toBe('{"city": "R');
    expect(rest).toBe("");
  });

  test.each([
    "<tool_call>",
    '<tool_call>\n{"name": "get_we',
    "<tool_calls> are tags",
    '<tool_call>\n{"name": "unknown", "arguments": {}}',
  ])("%j is a text", (text) => {
    expect(readPieces(PROMPTED_SYNTAX, [city], [text])).toEqual({ pieces: [], rest: text });
    expect(readPieces(PROMPTED_SYNTAX, [city], [...text])).toEqual({ pieces: [], rest: text });
  });

  test("a second call that is cut before its name is nothing, and what stands behind calls is a text", () => {
    expect(readPieces(PROMPTED_SYNTAX, [city], [CALL, '\n<tool_call>\n{"na']).rest).toBe("");
    expect(readPieces(PROMPTED_SYNTAX, [city], [CALL, " That is all."]).rest).toBe(" That is all.");
  });

  test("values of entries have the types of their schema", () => {
    const typed = tool("t", {
      type: "object",
      properties: {
        text: { type: "string" },
        count: { $ref: "#/$defs/count" },
        maybe: { anyOf: [{ type: "string" }, { type: "null" }] },
        list: { type: "array" },
        mode: { enum: ["1", "2"] },
        flag: { type: "boolean" },
      },
      $defs: { count: { type: "integer" } },
    });
    const values = { text: "3", count: "3", maybe: "null", list: "['a</v>', None, True]", mode: "1", flag: "True" };
    const written = Object.entries(values).map(([key, value]) => `<k>${key}</k><v>${value}</v>`);
    const { pieces } = readPieces(ENTRIES, [typed], [...`<call>t${written.join("")}</call>`]);
    expect(JSON.parse(pieces.map(({ arguments: given }) => given).join(""))).toEqual({
      ...{ text: "3", count: 3, maybe: null, list: ["a</v>", null, true], mode: "1", flag: true },
    });
    expect(readPieces(ENTRIES, [clock], ["<call>clock</call>"]).pieces.at(-1)).toEqual({
      type: "tool_call",
      index: 0,
      arguments: "}",
    });
  });

  test("long numbers keep their digits", () => {
    const { pieces } = readPieces(
      ENTRIES,
      [tool("t", { type: "object", properties: { n: { type: "integer" } } })],
      ["<call>t<k>n</k><v>12345678901234567890</v></call>"],
    );
    expect(pieces.map(({ arguments: given }) => given).join("")).toBe('{"n":12345678901234567890}');
  });

  test("ids are those of the syntax", () => {
    const idOf = (syntax: CallSyntax, text: string) => createCallReader(syntax, undefined).read(text)[0]!.id;
    const kimi: CallSyntax = {
      ...PROMPTED_SYNTAX,
      call: ["<c>functions.", { part: "name" }, ":", { part: "number" }, "<a>", { part: "arguments" }, "</c>"],
      ids: "functions",
    };
    const written: CallSyntax = {
      ...kimi,
      ids: "nine",
      call: ["<c>", { part: "name" }, "<i>", { part: "id" }, "<a>", { part: "arguments" }],
    };
    expect(idOf(PROMPTED_SYNTAX, CALL)).toMatch(/^call_[0-9a-f]{24}$/);
    expect(idOf({ ...PROMPTED_SYNTAX, ids: "nine" }, CALL)).toMatch(/^[0-9a-f]{9}$/);
    expect(idOf(kimi, "<c>functions.get_weather:12<a>{")).toBe("functions.get_weather:12");
    expect(idOf(written, "<c>clock<i>abcde1234<a>{")).toBe("abcde1234");
  });
});

describe("a grammar of calls", () => {
  const texts = (tools: Tool[], options: Partial<Parameters<typeof callGrammar>[2]>) => {
    const { rules, root } = callGrammar(PROMPTED_SYNTAX, tools, { behind: "", ...options });
    const next = randomTexts(`root ::= ${root}\n${rules}`, 3);
    return Array.from({ length: 60 }, () => next());
  };
  const calls = (text: string): number => text.split("<tool_call>").length - 1;
  const names = (text: string): string[] => [...text.matchAll(/"name": "([^"]*)"/g)].map(([, name]) => name!);

  test("has as many calls as the client takes, of the tools that it names", () => {
    expect(Math.max(...texts([city, clock], {}).map(calls))).toBeGreaterThan(1);
    expect(texts([city, clock], { parallel_tool_calls: false }).every((text) => calls(text) === 1)).toBe(true);
    const named = texts([city, clock], { tool_choice: { name: "clock" } });
    expect(named.every((text) => calls(text) === 1 && names(text).join() === "clock")).toBe(true);
    expect(new Set(texts([city, clock, tool("clock-2"), tool("cl")], {}).flatMap(names)).size).toBe(4);
  });

  test("a tool without parameters takes none, and an object takes what it names", () => {
    for (const none of [tool("a"), tool("a", {}), tool("a", { type: "object", properties: {} })]) {
      expect(texts([none], {}).every((text) => /"arguments": \{\s*\}\}/.test(text))).toBe(true);
    }
    expect(texts([city], {}).every((text) => /"arguments": \{\s*"city"/.test(text))).toBe(true);
  });

  test("what cannot be held is named, and under strict refused with its tool", () => {
    const odd = { type: "object", properties: { tags: { type: "array", uniqueItems: true, items: { type: "string" } } } };
    for (const syntax of [PROMPTED_SYNTAX, ENTRIES, { ...ENTRIES, arguments: { style: "bare", quote: "'" } } as const]) {
      expect(callGrammar(syntax, [clock, tool("t", odd)], { behind: "" }).passed_over).toEqual([
        "tools[1].function.parameters#/properties/tags/uniqueItems",
      ]);
      expect(() => callGrammar(syntax, [clock, tool("t", odd, true)], { behind: "" })).toThrow(
        expect.objectContaining({ code: "unsupported_schema", param: "tools[1].function.parameters" }),
      );
    }
  });

  test("arguments are an object, whatever else a schema permits", () => {
    expect(texts([tool("a", { type: ["object", "null"], properties: {} })], {}).join()).not.toContain('"arguments": null');
    expect(() => callGrammar(PROMPTED_SYNTAX, [tool("a", { type: "string" })], { behind: "" })).toThrow(
      expect.objectContaining({ code: "unsupported_schema", param: "tools[0].function.parameters" }),
    );
  });

  test("a schema that no value fits is refused", () => {
    const endless = { type: "object", properties: { next: { $ref: "#" } }, required: ["next"] };
    for (const syntax of [PROMPTED_SYNTAX, ENTRIES, { ...ENTRIES, arguments: { style: "bare", quote: "'" } } as const]) {
      expect(() => callGrammar(syntax, [tool("t", endless)], { behind: "" })).toThrow(
        expect.objectContaining({ code: "unsupported_schema", param: "tools[0].function.parameters" }),
      );
    }
  });
});

test.each([
  ["{'a': True, \"b\": [None, -1.5e3]}", { a: true, b: [null, -1500] }],
  [String.raw`'it\'s \u00fc \U0001f600\n'`, "it's ü 😀\n"],
  ["(1, 2)", [1, 2]],
  ["nothing", undefined],
  ["{'a': 1", undefined],
  ["[1 2]", undefined],
])("the literal %s", (text, value) => {
  expect(parseLiteral(text)).toEqual(value);
});
