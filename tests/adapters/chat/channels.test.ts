// Thoughts and texts in parts of an answer, as gpt-oss has them, with shorter names: a token of these tests is a character.
import { describe, expect, test } from "bun:test";
import type { ChatEvent, ChatRequest } from "../../../adapters/adapter.ts";
import type { ThoughtMarkers } from "../../../adapters/prompts.ts";
import { chatParts, createChat } from "../../../adapters/shared/chat/chat.ts";
import { ask } from "../../support/models.ts";
import { type Script, scriptedEngine, scriptedPrompts, textOf } from "../../support/scripted-engine.ts";

const [ANALYSIS, FINAL] = ["<|channel|>a<|message|>", "<|channel|>f<|message|>"];
const CLOSE = `<|end|><|start|>assistant${FINAL}`;
const CHANNELS: ThoughtMarkers = {
  ...{ begin: ANALYSIS, end: "<|end|>", close: CLOSE, skip: FINAL },
  ...{ next: "<|start|>assistant", text_begins: [FINAL, "<|channel|>c<|message|>"] },
};
const SCHEMA = { type: "object", properties: { a: { type: "integer" } }, required: ["a"], additionalProperties: false };
const JSON_ANSWER: Partial<ChatRequest> = {
  response_format: { type: "json_schema", json_schema: { name: "x", schema: SCHEMA } },
};

async function chat(script: Script, more: Partial<ChatRequest> = {}) {
  const { engine, requests } = scriptedEngine(script);
  const events: ChatEvent[] = [];
  const chatWith = createChat(chatParts(engine, scriptedPrompts({ thoughts: CHANNELS }, "<|start|>assistant")));
  for await (const event of chatWith(ask("hi", { max_tokens: 100, ...more }), new AbortController().signal)) events.push(event);
  const said = (type: string) => events.map((event) => (event.type === type && "text" in event ? event.text : "")).join("");
  const prompts = requests.map(({ prompt }) => textOf(prompt).replace("user:hi\n<|start|>assistant", "…"));
  return { thoughts: said("reasoning"), text: said("text"), prompts };
}

/** Thinks, and answers as what is written and the grammar let it. */
const script: Script = (written, { grammar }) => {
  if (written.endsWith(FINAL)) return grammar === undefined ? "Yes." : '{"a":1}';
  const said = written.slice(written.lastIndexOf("<|start|>assistant") + "<|start|>assistant".length);
  return `${ANALYSIS}Hm, well.${CLOSE}Yes.`.slice(said.length);
};
const unthinking: Script = (written) => (written.endsWith(FINAL) ? '{"a":1}' : `${FINAL}{"b":2}`);

describe("an answer in channels", () => {
  test("has its thoughts apart", async () => {
    expect(await chat(script)).toEqual({ thoughts: "Hm, well.", text: "Yes.", prompts: ["…"] });
  });

  test("goes on by itself behind thoughts that end within their budget", async () => {
    const { thoughts, text, prompts } = await chat(script, { reasoning_budget: 50 });
    expect([thoughts, text, prompts.at(-1)]).toEqual(["Hm, well.", "Yes.", `…${ANALYSIS}Hm, well.<|end|>`]);
  });

  test("goes on in the channel of texts behind thoughts that take too long", async () => {
    const { thoughts, text, prompts } = await chat(script, { reasoning_budget: 5 });
    expect([thoughts, text, prompts.at(-1)]).toEqual(["Hm", "Yes.", `…${ANALYSIS}Hm${CLOSE}`]);
  });

  test("begins in the channel of texts where there are to be no thoughts", async () => {
    const { thoughts, text, prompts } = await chat(script, { reasoning_budget: 0 });
    expect([thoughts, text, prompts]).toEqual(["", "Yes.", [`…${FINAL}`]]);
  });

  test("has its JSON in the channel of texts, with thoughts before it and without", async () => {
    const thinking = await chat(script, JSON_ANSWER);
    expect([thinking.text, thinking.prompts.at(-1)]).toEqual(['{"a":1}', `…${ANALYSIS}Hm, well.${CLOSE}`]);
    const { thoughts, text, prompts } = await chat(unthinking, JSON_ANSWER);
    expect([thoughts, text, prompts.at(-1)]).toEqual(["", '{"a":1}', `…${FINAL}`]);
  });
});
