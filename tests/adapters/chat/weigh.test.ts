import { describe, expect, test } from "bun:test";
import type { WeighEvent, WeighRequest } from "../../../adapters/adapter.ts";
import type { TemplateFacts } from "../../../adapters/prompts.ts";
import { chatParts } from "../../../adapters/shared/chat/chat.ts";
import { createWeigh } from "../../../adapters/shared/chat/weigh.ts";
import { scriptedEngine, scriptedPrompts, textOf } from "../../support/scripted-engine.ts";

const THINK = { begin: "<think>", end: "</think>", close: "\n</think>\n\n", skip: "<think>\n\n</think>\n\n" };

async function weigh(questions: WeighRequest["questions"], facts: Partial<TemplateFacts> = {}, opening?: string) {
  const even = (_: string, tokens: string[]) => tokens.map(() => 1 / tokens.length);
  const { engine, requests } = scriptedEngine(() => "x", { odds: even });
  const request = { messages: [{ role: "user" as const, content: "hi" }], cache_scope: "key", questions };
  const events: WeighEvent[] = [];
  for await (const event of createWeigh(chatParts(engine, scriptedPrompts(facts, opening)))(request, AbortSignal.timeout(5_000)))
    events.push(event);
  return { events, requests, prompts: requests.map(({ prompt }) => textOf(prompt)) };
}

const YES_NO = ["Yes", "No"];

describe("weighed answers", () => {
  test("are asked for behind the messages, one question after the other, in one slot", async () => {
    const { events, requests, prompts } = await weigh([
      { content: "A?", answers: YES_NO },
      { content: "B?", answers: ["one", "two", "three"] },
    ]);
    const input = "user:hi\nuser:";
    expect(prompts).toEqual([`${input}A?\nassistant:`, `${input}B?\nassistant:`, `${input}B?\nassistant:t`]);
    expect(requests.map(({ continues }) => continues)).toEqual([undefined, 0, 0]);
    expect(requests.every(({ max_tokens, cache_scope }) => max_tokens === 1 && cache_scope === "key")).toBe(true);
    expect(events.slice(0, 2)).toEqual([
      { type: "answer", probabilities: [1 / 2, 1 / 2] },
      { type: "answer", probabilities: [1 / 2, 1 / 4, 1 / 4] },
    ]);
  });

  test("count the first prompt, and what is read of the others", async () => {
    const { events, requests } = await weigh([{ content: "A?", answers: ["ax", "ay", "b"] }]);
    const usage = {
      prompt_tokens: requests[0]!.prompt.length + requests[1]!.prompt.length,
      completion_tokens: 0,
      cached_tokens: 0,
    };
    expect(events.at(-1)).toEqual({ type: "finish", usage });
  });

  test("stand behind thoughts that are skipped, or closed where the prompt opens them", async () => {
    const ask = [{ content: "A?", answers: YES_NO }];
    expect((await weigh(ask, { thoughts: THINK })).prompts[0]).toEndWith("assistant:<think>\n\n</think>\n\n");
    expect((await weigh(ask, { thoughts: THINK }, "assistant:<think>\n")).prompts[0]).toEndWith("<think>\n\n</think>\n\n");
    const closed = "assistant:<think>\n\n</think>\n\n";
    expect((await weigh(ask, { thoughts: THINK }, closed)).prompts[0]).toEndWith(`user:A?\n${closed}`);
  });

  test("are no answers about images", async () => {
    const content = [{ type: "image_url" as const, image_url: { url: "data:image/png;base64,AA==" } }];
    const error = await weigh([{ content, answers: YES_NO }]).catch((error: unknown) => error);
    expect(error).toMatchObject({ code: "request_unsupported" });
  });
});
