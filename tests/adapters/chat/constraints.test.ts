import { describe, expect, test } from "bun:test";
import type { ChatEvent, ChatRequest } from "../../../adapters/adapter.ts";
import { chatParts, createChat } from "../../../adapters/shared/chat/chat.ts";
import { ask } from "../../support/models.ts";
import { type Script, scriptedEngine, scriptedPrompts, textOf } from "../../support/scripted-engine.ts";

const THINK = { begin: "<think>", end: "</think>", close: "\n</think>\n\n", skip: "<think>\n\n</think>\n\n" };
const SCHEMA = { type: "object", properties: { a: { type: "integer" } }, required: ["a"], additionalProperties: false };
const format = (schema: object, more: object = {}) => ({
  response_format: { type: "json_schema" as const, json_schema: { name: "x", schema, ...more } },
});

async function chat(script: Script, more: Partial<ChatRequest>, thoughts = false) {
  const { engine, requests } = scriptedEngine(script);
  const events: ChatEvent[] = [];
  const chatWith = createChat(chatParts(engine, scriptedPrompts(thoughts ? { thoughts: THINK } : {})));
  for await (const event of chatWith(ask("hi", { max_tokens: 100, ...more }), new AbortController().signal)) events.push(event);
  const text = events.map((event) => (event.type === "text" ? event.text : "")).join("");
  const finish = events.at(-1) as Extract<ChatEvent, { type: "finish" }>;
  return { text, finish, requests, prompts: requests.map(({ prompt }) => textOf(prompt).replace("user:hi\nassistant:", "…")) };
}

describe("a text of a schema", () => {
  test("is generated under a grammar from its first token", async () => {
    const { text, finish, requests } = await chat(() => '{"a":1}', format(SCHEMA));
    expect(text).toBe('{"a":1}');
    expect(requests.map(({ grammar }) => grammar?.slice(0, 9))).toEqual(["root ::= "]);
    expect(finish).not.toHaveProperty("schema_failure");
  });

  test("that does not hold is given, and what does not hold is named", async () => {
    const { text, finish } = await chat(() => '{"a":"x"}', format(SCHEMA));
    expect([text, finish.schema_failure]).toEqual(['{"a":"x"}', { pointer: "/a", keyword: "type" }]);
  });

  test("is not judged where it was cut", async () => {
    const { finish } = await chat(() => '{"a":1}', { ...format(SCHEMA), max_tokens: 3 });
    expect([finish.reason, finish.schema_failure]).toEqual(["length", undefined]);
  });

  test("comes behind thoughts, which are free", async () => {
    const script: Script = (written) => (written.endsWith("</think>\n\n") ? '{"a":1}' : "<think>well</think>no JSON");
    const { text, prompts, requests } = await chat(script, format(SCHEMA), true);
    expect(text).toBe('{"a":1}');
    expect(prompts.at(-1)).toBe("…<think>well</think>\n\n");
    expect(requests.map(({ grammar }) => grammar !== undefined)).toEqual([false, true]);
  });

  test("is generated at once where a model that may think does not", async () => {
    const script: Script = (_written, { grammar }) => (grammar === undefined ? "I would rather talk" : '{"a":1}');
    const { text, prompts, finish } = await chat(script, format(SCHEMA), true);
    expect([text, prompts]).toEqual(['{"a":1}', ["…", "…"]]);
    expect(finish.usage).toMatchObject({ completion_tokens: 7, reasoning_tokens: 0 });
  });

  test("whose schema cannot be held is refused where the request insists, and its place is named", async () => {
    const schema = { type: "object", properties: { a: { type: "array", uniqueItems: true } } };
    const refusal = await chat(() => "", format(schema, { strict: true })).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: "unsupported_schema", param: "response_format.json_schema.schema" });
    expect((refusal as Error).message).toContain('"uniqueItems" at "/properties/a"');
  });
});

describe("a text of a schema that the request has begun", () => {
  const begun = (content: string) => [
    { role: "user" as const, content: "hi" },
    { role: "assistant" as const, content },
  ];

  test("goes on, and is judged as a whole", async () => {
    const { text, requests, finish } = await chat(() => "1}", { ...format(SCHEMA), messages: begun('{"a":') });
    expect([text, finish.schema_failure]).toEqual(["1}", undefined]);
    expect(requests[0]!.grammar_begun).toMatchObject({ text: '{"a":' });
    const broken = await chat(() => '"x"}', { ...format(SCHEMA), messages: begun('{"a":') });
    expect(broken.finish.schema_failure).toEqual({ pointer: "/a", keyword: "type" });
  });

  test("is refused where it is no beginning of that", async () => {
    const refusal = await chat(() => "", { ...format(SCHEMA), messages: begun("Well,") }).catch((error: unknown) => error);
    expect(refusal).toMatchObject({
      code: "request_refused",
      param: "messages",
      message: expect.stringContaining('"messages[1]"'),
    });
  });
});

describe("several answers", () => {
  test("come in rounds, each with its choice and its own end", async () => {
    const script: Script = (_written, _request, choice) => `answer ${choice}`;
    const { engine, requests } = scriptedEngine(script);
    const chatWith = createChat(chatParts(engine, scriptedPrompts({ thoughts: THINK })));
    const texts: Record<number, string> = {};
    let finish: ChatEvent | undefined;
    const request = ask("hi", { max_tokens: 100, choices: { count: 5, at_once: 2 }, seed: 7 });
    for await (const event of chatWith(request, new AbortController().signal)) {
      if (event.type === "text") texts[event.choice ?? 0] = (texts[event.choice ?? 0] ?? "") + event.text;
      finish = event;
    }
    expect(texts).toEqual({ 0: "answer 0", 1: "answer 1", 2: "answer 0", 3: "answer 1", 4: "answer 0" });
    expect(requests.map(({ choices, seed }) => [choices, seed])).toEqual([
      [2, 7],
      [2, 9],
      [undefined, 11],
    ]);
    expect(finish).toMatchObject({ reason: "stop", further: Array.from({ length: 4 }, () => ({ reason: "stop" })) });
    expect((finish as { usage: object }).usage).toMatchObject({ prompt_tokens: 18, completion_tokens: 40 });
  });

  test("end with their client", async () => {
    const { engine } = scriptedEngine(() => "a".repeat(1_000));
    const chatWith = createChat(chatParts(engine, scriptedPrompts({ thoughts: THINK })));
    let seen = 0;
    const request = ask("hi", { max_tokens: 900, choices: { count: 4, at_once: 4 } });
    for await (const _ of chatWith(request, new AbortController().signal)) if (++seen === 5) break;
    expect(seen).toBe(5);
  });

  test("fail as one", async () => {
    const { engine } = scriptedEngine(() => "a".repeat(1_000));
    const stop = new AbortController();
    const request = ask("hi", { max_tokens: 900, choices: { count: 2, at_once: 2 } });
    const run = async () => {
      for await (const _ of createChat(chatParts(engine, scriptedPrompts()))(request, stop.signal)) stop.abort(new Error("gone"));
    };
    expect(await run().catch((error: unknown) => String(error))).toBe("Error: gone");
  });
});
