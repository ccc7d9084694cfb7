import { describe, expect, test } from "bun:test";
import type { ChatEvent, ChatRequest } from "../../../adapters/adapter.ts";
import type { TemplateFacts } from "../../../adapters/prompts.ts";
import { chatParts, createChat } from "../../../adapters/shared/chat/chat.ts";
import { PROMPTED_SYNTAX } from "../../../adapters/shared/tool-calls/prompted-syntax.ts";
import { ask } from "../../support/models.ts";
import { type Script, scriptedEngine, scriptedPrompts, textOf } from "../../support/scripted-engine.ts";

const THINK = { begin: "<think>", end: "</think>", close: "\n</think>\n\n", skip: "<think>\n\n</think>\n\n" };
const CITY = { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false };
const TOOLS = ["get_weather", "get_time"].map((name) => ({
  type: "function" as const,
  function: { name, parameters: CITY },
}));
const CALL = '\n{"name": "get_time", "arguments": {"city":"Rome"}}\n</tool_call>';

async function chat(script: Script, more: Partial<ChatRequest> = {}, facts: Partial<TemplateFacts> = {}) {
  const { engine, requests } = scriptedEngine(script);
  const events: ChatEvent[] = [];
  const chatWith = createChat(chatParts(engine, scriptedPrompts(facts)));
  const request = ask("hi", { max_tokens: 200, tools: TOOLS, ...more });
  for await (const event of chatWith(request, new AbortController().signal)) events.push(event);
  const calls: { id?: string; name?: string; arguments: string }[] = [];
  for (const event of events) {
    if (event.type !== "tool_call") continue;
    const call = (calls[event.index] ??= { arguments: "" });
    call.id ??= event.id!;
    call.name ??= event.name!;
    call.arguments += event.arguments;
  }
  const said = (type: "text" | "reasoning"): string =>
    events.map((event) => (event.type === type ? (event as { text: string }).text : "")).join("");
  const finish = events.at(-1) as Extract<ChatEvent, { type: "finish" }>;
  const prompts = requests.map(({ prompt }) => textOf(prompt).replace(/^[^]*assistant:/, "…"));
  return { text: said("text"), reasoning: said("reasoning"), calls, finish, requests, prompts };
}

/** Goes on with `whole` behind what the prompt has of it already. */
const sayer =
  (whole: string): Script =>
  (written) => {
    const begun = written.replace(/^[^]*assistant:/, "");
    return whole.startsWith(begun) ? whole.slice(begun.length) : whole;
  };

describe("an answer that may call tools", () => {
  test("is a text where the model calls none", async () => {
    const { text, calls, finish, requests } = await chat(sayer("It is noon."));
    expect([text, calls, finish.reason, requests.length]).toEqual(["It is noon.", [], "stop", 1]);
    expect(requests[0]!.stop).toEqual(["<tool_call>"]);
  });

  test("holds its calls to a grammar from their marker on", async () => {
    const { text, calls, finish, prompts, requests } = await chat(sayer(`I look.\n<tool_call>${CALL}`));
    expect(text).toBe("I look.\n");
    expect(calls).toEqual([{ id: expect.stringMatching(/^call_/), name: "get_time", arguments: '{"city":"Rome"}' }]);
    expect([finish.reason, prompts]).toEqual(["tool_calls", ["…", "…I look.\n<tool_call>"]]);
    const [first, second] = requests.map(({ prompt, answered }) => [prompt.length, answered]);
    expect([first![1], second![1]]).toEqual([undefined, second![0]! - first![0]!]);
    expect(requests.map(({ grammar, continues }) => [grammar !== undefined, continues])).toEqual([
      [false, undefined],
      [true, 0],
    ]);
  });

  test("takes a marker within its thoughts for a thought", async () => {
    const script = sayer(`<think>a <tool_call> b</think>ok <tool_call>${CALL}`);
    const { reasoning, text, calls } = await chat(script, {}, { thoughts: THINK });
    expect([reasoning, text.trim(), calls.length]).toEqual(["a <tool_call> b", "ok", 1]);
  });

  test("that is cut within a call says so, and gives what there is", async () => {
    const { calls, finish } = await chat(sayer(`<tool_call>${CALL}`), { max_tokens: 50 });
    expect(finish.reason).toBe("length");
    expect(calls).toMatchObject([{ name: "get_time" }]);
    expect('{"city":"Rome"}').toStartWith(calls[0]!.arguments);
  });

  test("ends at a stop string of its text, and not at one of its arguments", async () => {
    const { calls, finish } = await chat(sayer(`<tool_call>${CALL}`), { stop: ["Rome"] });
    expect([calls.length, finish.reason]).toEqual([1, "tool_calls"]);
    expect((await chat(sayer("In Rome <tool_call>"), { stop: ["Rome"] })).text).toBe("In ");
  });
});

describe("a call that is required", () => {
  test.each(["required", { name: "get_time" }] as const)("%j is made from the first token", async (tool_choice) => {
    const { text, calls, prompts, requests } = await chat(sayer(`<tool_call>${CALL}`), { tool_choice });
    expect([text, calls.length, prompts]).toEqual(["", 1, ["…<tool_call>"]]);
    expect(requests[0]!.grammar).toContain("time");
    expect(requests[0]!.grammar!.includes("weather")).toBe(tool_choice === "required");
  });

  test("and is cut before its name is no text", async () => {
    const { text, calls, finish } = await chat(sayer(`<tool_call>${CALL}`), { tool_choice: "required", max_tokens: 3 });
    expect([text, calls, finish.reason]).toEqual(["", [], "length"]);
  });

  test("comes behind thoughts", async () => {
    const script: Script = (written) =>
      written.endsWith("<tool_call>") ? CALL : sayer("<think>hm</think>no")(written, ask("") as never, 0);
    const { reasoning, calls, prompts } = await chat(script, { tool_choice: "required" }, { thoughts: THINK });
    expect([reasoning, calls.length]).toEqual(["hm", 1]);
    expect(prompts.at(-1)).toBe("…<think>hm</think>\n\n<tool_call>");
  });
});

test("tools that are not to be called are no part of the prompt", async () => {
  const { requests } = await chat(sayer("no"), { tool_choice: "none" });
  expect(textOf(requests[0]!.prompt)).not.toContain("get_time");
  expect(requests[0]!.stop).toEqual([]);
});

describe("beside a schema", () => {
  const response_format = { type: "json_schema" as const, json_schema: { name: "x", schema: CITY } };

  test("the answer is JSON", async () => {
    const { text, calls, requests } = await chat(sayer('{"city":"Rome"}'), { response_format });
    expect([text, calls, requests.length]).toEqual(['{"city":"Rome"}', [], 1]);
    expect(requests[0]!.grammar).toContain("<tool_call>");
  });

  test("or it is calls", async () => {
    const { text, calls, finish } = await chat(sayer(`<tool_call>${CALL}`), { response_format });
    expect([text, calls.length, finish.reason]).toEqual(["", 1, "tool_calls"]);
    expect(finish.schema_failure).toBeUndefined();
  });
});

describe("calls without a marker of their own", () => {
  const calls = { ...PROMPTED_SYNTAX, triggers: [{ text: '{"name": "', at_start: true }], lists_tools: true };
  calls.call = ['{"name": "', { part: "name" }, '", "parameters": ', { part: "arguments" }, "}"];
  calls.parallel = false;

  test("are found at the beginning of an answer", async () => {
    const made = await chat(sayer('{"name": "get_time", "parameters": {"city":"Rome"}}'), {}, { calls });
    expect([made.text, made.calls.length, made.finish.reason]).toEqual(["", 1, "tool_calls"]);
    expect(made.prompts.at(-1)).toBe('…{"name": "');
  });

  test("are text elsewhere", async () => {
    const made = await chat(sayer('As JSON: {"name": "get_time", "parameters": {}}'), {}, { calls });
    expect([made.text, made.calls]).toEqual(['As JSON: {"name": "get_time", "parameters": {}}', []]);
  });
});
