// Which slot of llama-server a generation takes, and when slots are saved: without a server and without a disk.
import { describe, expect, test } from "bun:test";
import type { ChatMessage, ChatRequest } from "../../adapters/adapter.ts";
import type { SlotUse } from "../../adapters/llama-server/generation.ts";
import { createSlotSelection } from "../../adapters/llama-server/slot-selection.ts";
import type { LlamaServerSlot, LlamaServerSlotStates } from "../../adapters/llama-server/slot-states.ts";
import { collect } from "../adapter-suite.ts";
import { ask } from "../support/models.ts";
import { eventually } from "../support/server.ts";

const user = (content: string): ChatMessage => ({ role: "user", content });
const said = (content: string): ChatMessage => ({ role: "assistant", content });

/** Generations with prompts of 300 tokens; `wait` lets them pause amid their answer. */
function setUp({ slots = 2, save_idle_ms = 60_000, swap = async () => {}, silent = false }: Partial<Setup> = {}) {
  const taken: number[] = [];
  const compared: boolean[] = [];
  const saves: number[] = [];
  const states: LlamaServerSlotStates = {
    swap,
    save: async ({ id, contents }: LlamaServerSlot) => {
      if (contents?.saved === false) saves.push(id);
      if (contents) contents.saved = true;
    },
    settle: async () => {},
  };
  let hold: Promise<void> | undefined;
  const selection = createSlotSelection({
    slots,
    save_idle_ms,
    states,
    async *chat(_request: ChatRequest, signal: AbortSignal, { id_slot, cache_prompt }: SlotUse) {
      taken.push(id_slot);
      compared.push(cache_prompt);
      if (!silent) yield { type: "text", text: "hello" };
      await hold;
      signal.throwIfAborted();
      yield { type: "finish", reason: "stop", usage: { prompt_tokens: 300, completion_tokens: 2, cached_tokens: 0 } };
    },
  });
  const chatAs = (cache_scope: string, ...messages: ChatMessage[]) =>
    collect(selection.chat(ask(messages, { cache_scope, repeatable: false }), AbortSignal.timeout(10_000)));
  const chat = chatAs.bind(undefined, "");
  const chatAnew = (...messages: ChatMessage[]) =>
    collect(selection.chat(ask(messages, { repeatable: false, cache_prompt: false }), AbortSignal.timeout(10_000)));
  return {
    chatAnew,
    selection,
    taken,
    compared,
    saves,
    chat,
    chatAs,
    wait: (until: Promise<void> | undefined) => void (hold = until),
  };
}
interface Setup {
  slots: number;
  save_idle_ms: number;
  swap: LlamaServerSlotStates["swap"];
  /** The first sign of a generation comes after the wait. */
  silent: boolean;
}

describe("a generation takes", () => {
  test("the slot of its conversation, else an empty one, else the one that was used longest ago", async () => {
    const { chat, taken } = setUp({ slots: 3 });
    const first = ["One", "Two", "Three"].map((word) => user(`${word} of these is the longest.`.repeat(20)));
    for (const message of first) await chat(message);
    await chat(first[0]!, said("hello"), user("And?"));
    await chat(first[1]!, said("hello"), user("And?"));
    await chat(user("Another one."));
    await chat(first[0]!, said("hello"), user("And?"), said("hello"), user("So?"));
    expect(taken).toEqual([0, 1, 2, 0, 1, 2, 0]);
  });

  test("no slot of a conversation with which it shares a system prompt alone", async () => {
    const { chat, taken } = setUp();
    const system: ChatMessage = { role: "system", content: "Be brief. ".repeat(30) };
    await chat(system, user("One of these is the longest. ".repeat(30)));
    await chat(system, user("Two of these are the longest. ".repeat(30)));
    expect(taken).toEqual([0, 1]);
  });

  test("a free slot, and waits for one where all are taken", async () => {
    const { chat, taken, wait } = setUp();
    const { promise, resolve } = Promise.withResolvers<void>();
    wait(promise);
    const all = [chat(user("Hi.")), chat(user("Hi.")), chat(user("Hi."))];
    await eventually("two have begun", () => taken.length === 2);
    await new Promise((done) => setTimeout(done, 20));
    expect(taken).toEqual([0, 1]);
    resolve();
    await Promise.all(all);
    expect(taken).toHaveLength(3);
    expect(taken[2]).toBeOneOf([0, 1]);
  });

  test("nothing that was read before where its prompt is to be read anew", async () => {
    const restored: boolean[] = [];
    const { chat, chatAnew, compared } = setUp({ slots: 1, swap: async (_slot, _next, reuses) => void restored.push(reuses) });
    await chat(user("One"));
    await chatAnew(user("One"));
    await chat(user("One"));
    expect([compared, restored]).toEqual([
      [false, false, true],
      [true, false, true],
    ]);
  });

  test("of its own API key what it finds there, of another one nothing", async () => {
    const { chatAs, taken, compared } = setUp({ slots: 2 });
    const long = user("One of these is the longest. ".repeat(20));
    for (const key of ["one", "two", "one", "two", "three", "three", "two", "one"]) await chatAs(key, long);
    expect(taken).toEqual([0, 1, 0, 1, 0, 0, 1, 0]);
    expect(compared).toEqual([false, false, true, true, false, true, true, false]);
  });

  test("nothing of what may be another key's where one was left before a sign of it came", async () => {
    const { selection, chatAs, compared, wait } = setUp({ slots: 1, silent: true });
    const long = user("One of these is the longest. ".repeat(20));
    await chatAs("one", long);
    const { promise, resolve } = Promise.withResolvers<void>();
    wait(promise);
    const stop = new AbortController();
    const left = collect(selection.chat(ask([long], { cache_scope: "two" }), stop.signal)).catch(() => {});
    await eventually("it has begun", () => compared.length === 2);
    stop.abort(new Error("gone"));
    resolve();
    await left;
    wait(undefined);
    await chatAs("two", long);
    expect(compared).toEqual([false, false, false]);
  });
});

describe("slots are saved", () => {
  test("once after a while without a generation, the last used first", async () => {
    const { chat, saves } = setUp({ save_idle_ms: 100 });
    await chat(user("One"));
    await chat(user("Two"));
    expect(saves).toEqual([]);
    await eventually("both are saved", () => saves.length === 2);
    await chat(user("One"), said("hello"), user("And?"));
    await eventually("its slot is saved again", () => saves.length === 3);
    expect(saves).toEqual([1, 0, 0]);
  });

  test("not while a generation runs", async () => {
    const { chat, saves, wait } = setUp({ save_idle_ms: 50 });
    await chat(user("One"));
    const { promise, resolve } = Promise.withResolvers<void>();
    wait(promise);
    const second = chat(user("Two"));
    await new Promise((done) => setTimeout(done, 200));
    expect(saves).toEqual([]);
    resolve();
    await second;
    await eventually("both are saved", () => saves.length === 2);
  });

  test("when the engine closes, with those whose generations are about to end; slots with images are not", async () => {
    const { selection, chat, saves, wait } = setUp({ slots: 3 });
    await chat(user("One"));
    await chat({ role: "user", content: [{ type: "image_url", image_url: { url: "data:image/png;base64,AA" } }] });
    const { promise, resolve } = Promise.withResolvers<void>();
    wait(promise);
    const last = chat(user("Two"));
    const ended = selection.saveAll();
    setTimeout(resolve, 50);
    await Promise.all([last, ended]);
    expect(saves).toEqual([2, 0]);
  });
});

test("a client that leaves while a state is restored leaves at once, and the next generation in that slot waits", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { selection, taken, chat } = setUp({ slots: 1, swap: () => promise });
  const stop = new AbortController();
  const left = collect(selection.chat(ask("Hi."), stop.signal)).catch((error: unknown) => error);
  stop.abort(new Error("gone"));
  expect(await left).toEqual(new Error("gone"));
  const next = chat(user("Hello."));
  await new Promise((done) => setTimeout(done, 50));
  expect(taken).toEqual([]);
  resolve();
  await next;
  expect(taken).toEqual([0]);
});
