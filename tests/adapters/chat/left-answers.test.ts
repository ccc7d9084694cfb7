// A slot belongs to its generation until that is over: one that stays open when its client leaves keeps all others out.
import { expect, test } from "bun:test";
import type { ChatRequest } from "../../../adapters/adapter.ts";
import { chatParts, createChat } from "../../../adapters/shared/chat/chat.ts";
import type { TokenEngine } from "../../../adapters/token-engine.ts";
import { ask } from "../../support/models.ts";
import { type Script, scriptedEngine, scriptedPrompts } from "../../support/scripted-engine.ts";

const THINK = { begin: "<think>", end: "</think>", close: "\n</think>\n\n", skip: "<think>\n\n</think>\n\n" };
const CITY = { type: "object", properties: { city: { enum: ["Rome"] } }, required: ["city"], additionalProperties: false };
const TOOLS = [{ type: "function" as const, function: { name: "get_time", parameters: CITY } }];

function countedEngine(script: Script) {
  const { engine, requests } = scriptedEngine(script);
  let open = 0;
  const generate: TokenEngine["generate"] = async function* (request, signal) {
    open++;
    try {
      yield* engine.generate(request, signal);
    } finally {
      open--;
    }
  };
  return { engine: { ...engine, generate }, requests, open: () => open };
}

const CALL = '\n{"name": "get_time", "arguments": {"city":"Rome"}}\n</tool_call>';
const goOn =
  (whole: string): Script =>
  (written) => {
    const begun = written.replace(/^[^]*assistant:/, "");
    return whole.startsWith(begun) ? whole.slice(begun.length) : whole;
  };

const ANSWERS: [string, Script, Partial<ChatRequest>][] = [
  ["a text", () => "It is noon.", {}],
  ["a text behind thoughts of a bounded length", goOn("<think>Hm.</think>Yes."), { reasoning_budget: 20 }],
  ["a text behind thoughts that were cut", goOn("<think>abcdefghijkl</think>Yes."), { reasoning_budget: 10 }],
  ["a call that may come", goOn(`I look.<tool_call>${CALL}`), { tools: TOOLS }],
  ["a call that must come", goOn(`<tool_call>${CALL}`), { tools: TOOLS, tool_choice: "required" }],
  ["several choices", () => "It is noon.", { choices: { count: 3, at_once: 3 } }],
  ["several choices in rounds", () => "It is noon.", { choices: { count: 3, at_once: 2 } }],
];

test.each(ANSWERS)("%s leaves no generation open, behind whichever event its client leaves", async (_, script, more) => {
  let events = 1;
  for (let taken = 0; taken < events; taken++) {
    for (const ahead of [false, true]) {
      const { engine, open } = countedEngine(script);
      const client = new AbortController();
      const request = ask("hi", { max_tokens: 200, ...more });
      const answer = createChat(chatParts(engine, scriptedPrompts({ thoughts: THINK })))(request, client.signal)[
        Symbol.asyncIterator
      ]();
      let seen = 0;
      while (seen <= taken && !(await answer.next()).done) seen++;
      events = Math.max(events, seen + 1);
      // As a stream of events that is being sent: the next one may have been asked for already, and may have come.
      const next = ahead ? answer.next() : undefined;
      next?.catch(() => {});
      await new Promise((done) => setTimeout(done));
      client.abort();
      await answer.return?.(undefined);
      await new Promise((done) => setTimeout(done));
      expect([taken, ahead, open()]).toEqual([taken, ahead, 0]);
    }
  }
});
