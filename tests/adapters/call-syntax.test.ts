// The syntax of calls of the templates of llama.cpp's own tests, found by rendering; what its grammar permits is read back.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import type { Tool } from "../../adapters/adapter.ts";
import type { CallSyntax } from "../../adapters/call-syntax.ts";
import type { NativeAddon } from "../../adapters/prompt-process/native.ts";
import { schemaFailure } from "../../adapters/shared/json-schema-grammar/schema-failure.ts";
import { callGrammar } from "../../adapters/shared/tool-calls/call-grammar.ts";
import { createCallReader } from "../../adapters/shared/tool-calls/call-reader.ts";
import { PROMPTED_SYNTAX } from "../../adapters/shared/tool-calls/prompted-syntax.ts";
import { parametersOf } from "../../adapters/shared/tool-calls/tool-parameters.ts";
import { nativeAddon } from "../../src/executable/carried-engines.ts";
import { llamaCppModels } from "../support/llama-cpp-models.ts";
import { randomTexts } from "../support/random-text.ts";
import { syntaxOf } from "../support/template-syntax.ts";

const { root, templates } = llamaCppModels();
let addon: NativeAddon;
beforeAll(async () => {
  addon = (await nativeAddon(process.env))!;
});
afterAll(() => rmSync(root, { recursive: true }));

const FOUND: Record<string, string> = {
  "openbmb-MiniCPM5-1B": '<function name="⟨name⟩">⟨arguments⟩</function>{↵…} | <function name=" | entries cdata call_',
  "poolside-Laguna-XS.2": "<tool_call>⟨name⟩⟨arguments⟩↵</tool_call>{↵…} | <tool_call> | entries raw call_",
  "Kimi-K3":
    '<|open|>tools<|sep|><|open|>call tool="⟨name⟩" index="⟨number⟩"⟨arguments⟩<|sep|><|close|>call{…}<|sep|><|close|>tools<|sep|><|close|>message<|sep|> | <|open|>tools<|sep|> | entries raw call_',
  Cohere2MoE:
    '<|START_ACTION|>[↵    {"tool_call_id": "⟨number⟩", "tool_name": "⟨name⟩", "parameters": ⟨arguments⟩}{,…}↵]<|END_ACTION|> | <|START_ACTION|> | json call_',
  "GigaChat3-10B-A1.8B":
    'function call<|role_sep|>↵{"name": "⟨name⟩", "arguments": ⟨arguments⟩} | function call<|role_sep|> | json call_',
  "poolside-Laguna-XS-2.1": "<tool_call>⟨name⟩⟨arguments⟩↵</tool_call>{↵…} | <tool_call> | entries raw call_",
  "deepseek-ai-DeepSeek-R1-Distill-Llama-8B":
    "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>⟨name⟩↵```json↵⟨arguments⟩↵```<｜tool▁call▁end｜> | <｜tool▁calls▁begin｜> | json call_",
  "MiniMax-M3":
    ']<]minimax[>[<tool_call>↵]<]minimax[>[<invoke name="⟨name⟩">⟨arguments⟩]<]minimax[>[</invoke>{…}↵]<]minimax[>[</tool_call> | ]<]minimax[>[<tool_call> | elements call_',
  "mistralai-Mistral-Nemo-Instruct-2407":
    '[TOOL_CALLS][{"name": "⟨name⟩", "arguments": ⟨arguments⟩, "id": "⟨id⟩"}{, …}] | [TOOL_CALLS] | json nine',
  "fireworks-ai-llama-3-firefunction-v2":
    'functools[{"name": "⟨name⟩", "arguments": ⟨arguments⟩}{, …}] | functools[ | json call_',
  "Qwen3-Coder": "<tool_call>↵<function=⟨name⟩>⟨arguments⟩↵</function>↵</tool_call>{↵…} | <tool_call> | entries raw call_",
  "Kimi-K2-Thinking":
    "<|tool_calls_section_begin|><|tool_call_begin|>functions.⟨name⟩:⟨number⟩<|tool_call_argument_begin|>⟨arguments⟩<|tool_call_end|>{…}<|tool_calls_section_end|> | <|tool_calls_section_begin|> | json functions",
  "ibm-granite-granite-4.0":
    '<tool_call>↵{"name": "⟨name⟩", "arguments": ⟨arguments⟩}↵</tool_call>{↵…} | <tool_call> | json call_',
  "CohereForAI-c4ai-command-r-plus-tool_use":
    'Action:↵```json↵[↵    {↵        "tool_name": "⟨name⟩",↵        "parameters": ⟨arguments⟩↵    }{,…}↵]``` | Action:↵```json↵[ | json call_',
  "meta-llama-Llama-3.1-8B-Instruct": '{"name": "⟨name⟩", "parameters": ⟨arguments⟩} | {"name": " at the start | json call_',
  "GigaChat3.1-10B-A1.8B": '<|function_call|>{"name": "⟨name⟩", "arguments": ⟨arguments⟩} | <|function_call|> | json call_',
  "unsloth-mistral-Devstral-Small-2507": "[TOOL_CALLS]⟨name⟩[ARGS]⟨arguments⟩{…} | [TOOL_CALLS] | json call_",
  "muse-glimmer":
    'to=⟨name⟩<|message|><atem:function_calls>↵<atem:invoke name="⟨name⟩">⟨arguments⟩↵</atem:invoke>↵</atem:function_calls> | to= at the start | entries raw call_',
  "meta-llama-Llama-3.2-3B-Instruct": '{"name": "⟨name⟩", "parameters": ⟨arguments⟩} | {"name": " at the start | json call_',
  "StepFun3.5-Flash": "<tool_call>↵<function=⟨name⟩>⟨arguments⟩↵</function>↵</tool_call>{…} | <tool_call> | entries raw call_",
  "Apriel-1.6-15b-Thinker-fixed":
    '<tool_calls>[{"name": "⟨name⟩", "arguments": ⟨arguments⟩}{, …}]</tool_calls> | <tool_calls> | json call_',
  "NVIDIA-Nemotron-Nano-v2":
    '<TOOLCALL>[{"name": "⟨name⟩", "arguments": ⟨arguments⟩}{, …}]</TOOLCALL><SPECIAL_12> | <TOOLCALL> | json call_',
  "deepseek-ai-DeepSeek-V4-Flash-0731":
    '<｜DSML｜tool_calls>↵<｜DSML｜invoke name="⟨name⟩">⟨arguments⟩↵</｜DSML｜invoke>{…}↵</｜DSML｜tool_calls> | <｜DSML｜tool_calls> | entries raw call_',
  "Kimi-K2-Instruct":
    "<|tool_calls_section_begin|><|tool_call_begin|>functions.⟨name⟩:⟨number⟩<|tool_call_argument_begin|>⟨arguments⟩<|tool_call_end|>{…}<|tool_calls_section_end|> | <|tool_calls_section_begin|> | json functions",
  "mistralai-Ministral-3-14B-Reasoning-2512": "[TOOL_CALLS]⟨name⟩[ARGS]⟨arguments⟩{…} | [TOOL_CALLS] | json call_",
  "deepseek-ai-DeepSeek-V3.2":
    '<｜DSML｜function_calls>↵<｜DSML｜invoke name="⟨name⟩">⟨arguments⟩↵</｜DSML｜invoke>{…}↵</｜DSML｜function_calls> | <｜DSML｜function_calls> | entries raw call_',
  "google-gemma-4-31B-it": "<|tool_call>call:⟨name⟩⟨arguments⟩<tool_call|>{…} | <|tool_call> | bare call_",
  "llama-cpp-deepseek-r1":
    "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>⟨name⟩↵```json↵⟨arguments⟩↵```<｜tool▁call▁end｜>{↵…}<｜tool▁calls▁end｜> | <｜tool▁calls▁begin｜> | json call_",
  "deepseek-ai-DeepSeek-V4":
    '<｜DSML｜tool_calls>↵<｜DSML｜invoke name="⟨name⟩">⟨arguments⟩↵</｜DSML｜invoke>{…}↵</｜DSML｜tool_calls> | <｜DSML｜tool_calls> | entries raw call_',
  "Qwen3.5-4B": "<tool_call>↵<function=⟨name⟩>⟨arguments⟩↵</function>↵</tool_call>{↵…} | <tool_call> | entries raw call_",
  "Spark2.5": "<tool_call>⟨name⟩⟨arguments⟩</tool_call>{…} | <tool_call> | entries raw call_",
  "google-gemma-4-31B-it-interleaved": "<|tool_call>call:⟨name⟩⟨arguments⟩<tool_call|>{…} | <|tool_call> | bare call_",
  "meetkai-functionary-medium-v3.1": "<function=⟨name⟩>⟨arguments⟩</function>{…} | <function= | json call_",
  "ByteDance-Seed-OSS":
    "<seed:tool_call>↵<function=⟨name⟩>⟨arguments⟩↵</function>↵</seed:tool_call>{↵…} | <seed:tool_call> | entries raw call_",
  "Qwen-Qwen2.5-7B-Instruct":
    '<tool_call>↵{"name": "⟨name⟩", "arguments": ⟨arguments⟩}↵</tool_call>{↵…} | <tool_call> | json call_',
  "poolside-Laguna-S-2.1": "<tool_call>⟨name⟩⟨arguments⟩</tool_call>{…} | <tool_call> | entries raw call_",
  "NousResearch-Hermes-2-Pro-Llama-3-8B-tool_use":
    '<tool_call>↵{"name": "⟨name⟩", "arguments": ⟨arguments⟩}↵</tool_call>{↵…} | <tool_call> | json call_',
  "CohereForAI-c4ai-command-r7b-12-2024-tool_use":
    '<|START_ACTION|>[↵    {"tool_call_id": "⟨number⟩", "tool_name": "⟨name⟩", "parameters": ⟨arguments⟩}{,…}↵]<|END_ACTION|> | <|START_ACTION|> | json call_',
  "upstage-Solar-Open-100B":
    "<|tool_calls|><|tool_call:begin|>⟨id⟩<|tool_call:name|>⟨name⟩<|tool_call:args|>⟨arguments⟩<|tool_call:end|>{…} | <|tool_calls|> | json call_",
  "openai-gpt-oss-120b":
    "to=functions.¦<|start|>assistant to=functions.¦<|channel|>commentary to=functions.¦<|start|>assistant<|channel|>commentary to=functions.¦<|channel|>analysis to=functions.¦<|start|>assistant<|channel|>analysis to=functions.⟨name⟩<|channel|>commentary json<|message|>¦ <|constrain|>json<|message|>¦<|channel|>commentary <|constrain|>json<|message|>¦<|message|>⟨arguments⟩ | to=functions. at the start | json call_",
  "Apertus-8B-Instruct": '<|tools_prefix|>[{"⟨name⟩": ⟨arguments⟩}{, …}]<|tools_suffix|> | <|tools_prefix|> | json call_',
  "inclusionai-ling-3.0-flash": "<tool_call>⟨name⟩↵⟨arguments⟩↵</tool_call>{↵…} | <tool_call> | entries raw call_",
  "GLM-4.7-Flash": "<tool_call>⟨name⟩⟨arguments⟩</tool_call>{…} | <tool_call> | entries raw call_",
  "MiniMax-M1": '<tool_calls>↵{"name": "⟨name⟩", "arguments": ⟨arguments⟩}{…}↵</tool_calls> | <tool_calls> | json call_',
  "moonshotai-Kimi-K2":
    "<|tool_calls_section_begin|><|tool_call_begin|>functions.⟨name⟩:⟨number⟩<|tool_call_argument_begin|>⟨arguments⟩<|tool_call_end|>{…}<|tool_calls_section_end|> | <|tool_calls_section_begin|> | json functions",
  "Reka-Edge": '<tool_call>↵{"name": "⟨name⟩", "arguments": ⟨arguments⟩}↵</tool_call>{…} | <tool_call> | json call_',
  "unsloth-Apriel-1.5":
    '<tool_calls>[{"name": "⟨name⟩", "arguments": ⟨arguments⟩}{, …}]</tool_calls> | <tool_calls> | json call_',
  "deepseek-ai-DeepSeek-V3.1":
    "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>⟨name⟩<｜tool▁sep｜>⟨arguments⟩<｜tool▁call▁end｜>{…}<｜tool▁calls▁end｜> | <｜tool▁calls▁begin｜> | json call_",
  "tencent-Hy3":
    "<tool_calls:opensource>↵<tool_call:opensource>⟨name⟩<tool_sep:opensource>⟨arguments⟩↵</tool_call:opensource>{…}↵</tool_calls:opensource> | <tool_calls:opensource> | entries raw call_",
  "deepseek-ai-DeepSeek-R1-Distill-Qwen-32B":
    "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>⟨name⟩↵```json↵⟨arguments⟩↵```<｜tool▁call▁end｜>{↵…}<｜tool▁calls▁end｜> | <｜tool▁calls▁begin｜> | json call_",
  "LFM2.5-8B-A1B": "<|tool_call_start|>[⟨name⟩(⟨arguments⟩){, …}]<|tool_call_end|> | <|tool_call_start|> | entries python call_",
  "Bielik-11B-v3.0-Instruct":
    '<tool_call>↵{"name": "⟨name⟩", "arguments": ⟨arguments⟩}↵</tool_call>{↵…} | <tool_call> | json call_',
  "meta-llama-Llama-3.3-70B-Instruct": '{"name": "⟨name⟩", "parameters": ⟨arguments⟩} | {"name": " at the start | json call_',
  "NVIDIA-Nemotron-3-Nano-30B-A3B-BF16":
    "<tool_call>↵<function=⟨name⟩>⟨arguments⟩↵</function>↵</tool_call>{↵…} | <tool_call> | entries raw call_",
  "MiMo-VL": '<tool_call>↵{"name": "⟨name⟩", "arguments": ⟨arguments⟩}↵</tool_call>{↵…} | <tool_call> | json call_',
  "ibm-granite-granite-4.1":
    '<tool_call>↵{"name": "⟨name⟩", "arguments": ⟨arguments⟩}↵</tool_call>{↵…} | <tool_call> | json call_',
  "Qwen-Qwen3-0.6B": '<tool_call>↵{"name": "⟨name⟩", "arguments": ⟨arguments⟩}↵</tool_call>{↵…} | <tool_call> | json call_',
  "Mistral-Small-3.2-24B-Instruct-2506": "[TOOL_CALLS]⟨name⟩[CALL_ID]⟨id⟩[ARGS]⟨arguments⟩{…} | [TOOL_CALLS] | json nine",
  "Qwen-QwQ-32B": '<tool_call>↵{"name": "⟨name⟩", "arguments": ⟨arguments⟩}↵</tool_call>{↵…} | <tool_call> | json call_',
  "GLM-4.6": "<tool_call>⟨name⟩⟨arguments⟩↵</tool_call>{↵…} | <tool_call> | entries raw call_",
  "MiniMax-M2":
    '<minimax:tool_call>↵<invoke name="⟨name⟩">⟨arguments⟩↵</invoke>{…}↵</minimax:tool_call> | <minimax:tool_call> | entries raw call_',
  "NousResearch-Hermes-3-Llama-3.1-8B-tool_use":
    '<tool_call>↵{"name": "⟨name⟩", "arguments": ⟨arguments⟩}↵</tool_call>{↵…} | <tool_call> | json call_',
};

const tool = (name: string, parameters?: object): Tool => ({
  type: "function",
  function: { name, ...(parameters && { parameters }) },
});
const switched = { type: "object", properties: { on: { type: "boolean" }, s: { type: "string" } }, required: ["on", "s"] };
const TOOLS = [
  tool("get_weather", {
    type: "object",
    properties: {
      city: { type: "string" },
      days: { type: "integer", minimum: 1, maximum: 14 },
      unit: { enum: ["c", "f"] },
      code: { type: "string", pattern: "^[A-Z]{3}$" },
    },
    required: ["city"],
  }),
  tool("get-weather-2", {
    type: "object",
    properties: {
      q: { anyOf: [{ type: "string" }, { type: "null" }] },
      tags: { type: "array", items: { type: "string" } },
      deep: { type: "object", properties: { a: { type: "number" }, b: { $ref: "#/$defs/Switch" } }, required: ["a"] },
    },
    required: ["q", "tags"],
    $defs: { Switch: switched },
  }),
  tool("now"),
  tool("empty", {}),
  tool("x".repeat(128), {
    type: "object",
    properties: { n: { type: ["number", "string"] }, ok: { type: "boolean" }, nothing: { type: "null" } },
    required: ["n", "nothing"],
  }),
];

/** The syntax in one line: values in brackets, what may come again in braces. */
function lineOf({ triggers, open, call, between, close, parallel, arguments: given, ids }: CallSyntax): string {
  const one = call
    .map((part) => (typeof part === "string" ? part : "part" in part ? `⟨${part.part}⟩` : part.one_of.join("¦")))
    .join("");
  const kind = given.style === "entries" ? `entries ${given.strings}` : given.style;
  const at = triggers[0]!.at_start ? " at the start" : "";
  const further = parallel ? `{${between}…}` : "";
  return `${open}${one}${further}${close} | ${triggers[0]!.text}${at} | ${kind} ${ids}`.replaceAll("\n", "↵");
}

/** Calls as they are put together out of their pieces. */
function read(syntax: CallSyntax, text: string, step: number) {
  const reader = createCallReader(syntax, TOOLS);
  const pieces = [];
  for (let at = 0; at < text.length; at += step) pieces.push(...reader.read(text.slice(at, at + step)));
  const { pieces: last, rest } = reader.end();
  const calls: { name: string; arguments: string }[] = [];
  for (const { index, name, arguments: more } of [...pieces, ...last]) {
    calls[index] ??= { name: name!, arguments: "" };
    calls[index].arguments += more;
  }
  return { calls, rest };
}

function expectReadBack(syntax: CallSyntax): void {
  for (const behind of ["", syntax.triggers[0]!.text]) {
    const { rules, root: rule, passed_over } = callGrammar(syntax, TOOLS, { behind });
    expect(passed_over).toEqual([]);
    const grammar = `root ::= ${rule}\n${rules}`;
    void new addon.AddonGrammar(grammar, { addonExports: addon, rootRuleName: "root" });
    const next = randomTexts(grammar, 7);
    for (let i = 0; i < 24; i++) {
      const text = behind + next();
      const { calls, rest } = read(syntax, text, 1 + (i % 5));
      expect({ text, rest, some: calls.length > 0 }).toEqual({ text, rest: "", some: true });
      for (const { name, arguments: given } of calls) {
        const schema = parametersOf(TOOLS.find((one) => one.function.name === name)!);
        expect({ text, given, failure: schemaFailure(schema, given, []) }).toEqual({ text, given, failure: undefined });
      }
      expect(read(syntax, text, text.length).calls).toEqual(calls);
    }
  }
}

describe("the templates of llama.cpp", () => {
  test("of 70, 62 show how calls begin and are written", () => {
    expect(templates.length).toBe(70);
    expect(Object.keys(FOUND).length).toBe(62);
  });

  for (const { name, source } of templates) {
    test(name, () => {
      const syntax = syntaxOf(source, addon);
      expect(syntax && lineOf(syntax)).toBe(FOUND[name] as string);
      if (syntax !== undefined) expectReadBack(syntax);
    });
  }
});

test("our own syntax is read back", () => {
  expectReadBack(PROMPTED_SYNTAX);
});
