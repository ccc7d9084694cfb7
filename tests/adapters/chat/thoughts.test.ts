import { describe, expect, test } from "bun:test";
import type { ChatEvent, ChatRequest } from "../../../adapters/adapter.ts";
import { chatParts, createChat } from "../../../adapters/shared/chat/chat.ts";
import { ask } from "../../support/models.ts";
import { type Script, scriptedEngine, scriptedPrompts, textOf } from "../../support/scripted-engine.ts";

const THINK = { begin: "<think>", end: "</think>", close: "\n</think>\n\n", skip: "<think>\n\n</think>\n\n" };

async function chat(script: Script, more: Partial<ChatRequest> = {}, opening?: string) {
  const { engine, requests } = scriptedEngine(script);
  const events: ChatEvent[] = [];
  const chatWith = createChat(chatParts(engine, scriptedPrompts({ thoughts: THINK }, opening)));
  for await (const event of chatWith(ask("hi", { max_tokens: 100, ...more }), new AbortController().signal)) events.push(event);
  const said = (type: "text" | "reasoning"): string =>
    events.map((event) => (event.type === type ? (event as { text: string }).text : "")).join("");
  const finish = events.at(-1) as Extract<ChatEvent, { type: "finish" }>;
  const prompts = requests.map(({ prompt }) => textOf(prompt).replace("user:hi\nassistant:", "…"));
  return { text: said("text"), reasoning: said("reasoning"), finish, requests, prompts };
}

describe("an answer with thoughts", () => {
  test("is one generation, and its thoughts are no text", async () => {
    const { text, reasoning, finish, requests } = await chat(() => "<think>\nHm.\n</think>\n\nYes.");
    expect([reasoning, text, finish.reason]).toEqual(["Hm.", "Yes.", "stop"]);
    expect(finish.usage).toMatchObject({ completion_tokens: 13, reasoning_tokens: 7 });
    expect(requests.length).toBe(1);
    expect(requests[0]!.shown_tokens).toEqual(["<think>", "</think>"]);
  });

  test("whose prompt opens them begins with thoughts", async () => {
    const { text, reasoning } = await chat(() => "Hm.\n</think>\n\nYes.", {}, "assistant:<think>\n");
    expect([reasoning, text]).toEqual(["Hm.", "Yes."]);
  });

  test("ends at a stop string of its text, not of its thoughts", async () => {
    const { text, reasoning, finish } = await chat(() => "<think>no no</think>yes no maybe", { stop: ["no"] });
    expect([reasoning, text, finish.reason]).toEqual(["no no", "yes ", "stop"]);
  });

  test("that is cut in its thoughts says so", async () => {
    const { text, reasoning, finish } = await chat(() => "<think>abcdefgh</think>yes", { max_tokens: 5 });
    expect([reasoning, text, finish.reason]).toEqual(["abcd", "", "length"]);
    expect(finish.usage).toMatchObject({ completion_tokens: 5, reasoning_tokens: 5 });
  });
});

describe("a budget of thoughts", () => {
  const script: Script = (written) => (written.includes("</think>") ? "yes" : "<think>abcdefghijklmnop</think>yes");

  test("ends them by their own marker, and the answer goes on in its slot", async () => {
    const { text, reasoning, finish, prompts, requests } = await chat(script, { reasoning_budget: 4 });
    expect([reasoning, text, finish.reason]).toEqual(["abc", "yes", "stop"]);
    expect(prompts).toEqual(["…", "…<think>abc\n</think>\n\n"]);
    expect(requests.map(({ continues }) => continues)).toEqual([undefined, 0]);
  });

  test("larger than the beginning is counted to its end", async () => {
    const { reasoning, text, prompts } = await chat(script, { reasoning_budget: 12 });
    expect([reasoning, text]).toEqual(["abcdefg<think>abc", "yes"]);
    expect(prompts.at(-1)).toEndWith("\n</think>\n\n");
  });

  test("is that of all thoughts of an answer, also of those behind a text", async () => {
    const later: Script = (written) => {
      const [, ...ends] = written.split("</think>");
      if (ends.length === 0) return "<think>ab</think>one\n<think>cdefghij</think>two";
      return ends.length === 1 ? "one\n<think>cdefghij</think>two".slice(ends[0]!.length) : "two";
    };
    const { text, reasoning, finish, prompts } = await chat(later, { reasoning_budget: 7 });
    expect([reasoning, text, finish.reason]).toEqual(["ab\n\ncde", "one\ntwo", "stop"]);
    expect(prompts.at(-1)).toBe("…<think>ab</think>one\n<think>cde\n</think>\n\n");
    expect(finish.usage.reasoning_tokens).toBe(7);
    const unbounded = await chat(later, { reasoning_budget: 50 });
    expect([unbounded.reasoning, unbounded.text]).toEqual(["ab\n\ncdefghij", "one\ntwo"]);
    expect(unbounded.finish.usage.reasoning_tokens).toBe("<ab".length + "<cdefghij".length);
  });

  test("of none ends those that a text goes on to, and leaves a marker amid a line", async () => {
    const later: Script = (written) => {
      const behind = written.replace(/^[^]*assistant:(<think>\n\n<\/think>\n\n)?/, "");
      return behind.includes("</think>") ? "c" : "a <think> b\n<think>x".slice(behind.length);
    };
    const { text, reasoning } = await chat(later, { reasoning_budget: 0 });
    expect([reasoning, text]).toEqual(["", "a <think> b\nc"]);
  });

  test("of none skips them", async () => {
    const { reasoning, text, prompts } = await chat(script, { reasoning_budget: 0 });
    expect([reasoning, text, prompts]).toEqual(["", "yes", ["…<think>\n\n</think>\n\n"]]);
  });

  test("of none ends those that the prompt opens", async () => {
    const { reasoning, text, prompts } = await chat(script, { reasoning_budget: 0 }, "assistant:<think>\n");
    expect([reasoning, text, prompts]).toEqual(["", "yes", ["…<think>\n\n</think>\n\n"]]);
  });

  test("is of no matter to an answer without thoughts", async () => {
    const { reasoning, text, finish, prompts } = await chat(() => "yes, of course", { reasoning_budget: 3 });
    expect([reasoning, text, finish.reason, prompts]).toEqual(["", "yes, of course", "stop", ["…", "…"]]);
    expect(finish.usage.completion_tokens).toBe(14);
  });

  test("does not lengthen the answer", async () => {
    const { reasoning, text, finish } = await chat(script, { reasoning_budget: 50, max_tokens: 10 });
    expect([text, finish.reason, finish.usage.completion_tokens]).toEqual(["", "length", 10]);
    expect(reasoning).not.toBe("");
  });
});
