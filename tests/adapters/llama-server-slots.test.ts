// Which slot of llama-server a generation takes, and when slots are saved: without a server and without a disk.
import { describe, expect, test } from "bun:test";
import type { ChatMessage } from "../../adapters/adapter.ts";
import type { PlacedGeneration } from "../../adapters/llama-server/generation.ts";
import { createSlotSelection } from "../../adapters/llama-server/slot-selection.ts";
import type { LlamaServerSlot, LlamaServerSlotStates } from "../../adapters/llama-server/slot-states.ts";
import type { TokenEvent, TokenRequest } from "../../adapters/token-engine.ts";
import { ask, askTokens } from "../support/models.ts";
import { eventually } from "../support/server.ts";

/** A token for each character. */
const tokensOf = (text: string): number[] => Array.from(text, (character) => character.codePointAt(0)!);
const SAID = "hello";

/** Generations that say hello; `wait` lets them pause amid their answer. */
function setUp({ slots = 2, save_idle_ms = 60_000, swap = async () => {}, silent = false, chosen }: Partial<Setup> = {}) {
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
  const note = (id_slot: number, cache_prompt: boolean): void => {
    taken.push(id_slot);
    compared.push(cache_prompt);
  };
  const selection = createSlotSelection({
    batch: 512,
    slots,
    save_idle_ms,
    states,
    trim: async () => false,
    choice_slots: { newestTask: async () => 0, slotsSince: async () => chosen?.() ?? [] },
    async *generate({ prompt }: TokenRequest, signal: AbortSignal, placed: PlacedGeneration): AsyncGenerator<TokenEvent> {
      note(placed.id_slot, await placed.onSend(signal));
      const ids = await placed.onTaken();
      if (ids.length > 1) taken.push(...ids.slice(1));
      if (!silent) for (const [index, answer] of placed.answers.entries()) yield* answer.push(piece(index), ids[index]!);
      await hold;
      signal.throwIfAborted();
      for (const [index, answer] of placed.answers.entries()) yield* answer.push(end(index, prompt.length), ids[index]!);
    },
    async *chatWithImages(_request, _signal, { id_slot, cache_prompt }) {
      note(id_slot, cache_prompt);
      yield { type: "finish", reason: "stop", usage: { prompt_tokens: 300, completion_tokens: 2, cached_tokens: 0 } };
    },
  });
  const chatAs = (cache_scope: string, text: string, more: Partial<TokenRequest> = {}) =>
    drain(
      selection.generate(askTokens(tokensOf(text), { cache_scope, repeatable: false, ...more }), AbortSignal.timeout(10_000)),
    );
  const chat = chatAs.bind(undefined, "");
  const look = (...messages: ChatMessage[]) =>
    drain(selection.chatWithImages!(ask(messages, { repeatable: false }), AbortSignal.timeout(10_000)));
  const chatAnew = (text: string) => chat(text, { cache_prompt: false });
  return {
    look,
    chatAnew,
    selection,
    taken,
    compared,
    saves,
    chat,
    chatAs,
    wait: (until?: Promise<void>) => void (hold = until),
  };
}

const piece = (index: number) => ({
  type: "piece" as const,
  index,
  text: SAID,
  tokens: [...tokensOf(SAID)],
  predicted: SAID.length,
});
const end = (index: number, total: number) =>
  ({ type: "end", index, reason: "stop", text: "", predicted: SAID.length, total, cached: 0 }) as const;

async function drain<Event>(events: AsyncIterable<Event>): Promise<Event[]> {
  const all: Event[] = [];
  for await (const event of events) all.push(event);
  return all;
}

interface Setup {
  slots: number;
  save_idle_ms: number;
  swap: LlamaServerSlotStates["swap"];
  /** The first sign of a generation comes after the wait. */
  silent: boolean;
  /** The slots that llama-server chooses for several answers. */
  chosen: () => number[];
}

/** What a conversation is about after one answer. */
const then = (text: string, more = "And?"): string => `${text}${SAID}${more}`;
const LONG = "One of these is the longest. ".repeat(20);

describe("a generation takes", () => {
  test("the slot of its conversation, else an empty one, else the one that was used longest ago", async () => {
    const { chat, taken } = setUp({ slots: 3 });
    const first = ["One", "Two", "Three"].map((word) => `${word} of these is the longest.`.repeat(20));
    for (const text of first) await chat(text);
    await chat(then(first[0]!));
    await chat(then(first[1]!));
    await chat("Another one.");
    await chat(then(then(first[0]!), "So?"));
    expect(taken).toEqual([0, 1, 2, 0, 1, 2, 0]);
  });

  test("no slot of a conversation with which it shares a system prompt alone", async () => {
    const { chat, taken } = setUp();
    const system = "Be brief. ".repeat(30);
    await chat(`${system}${"One of these is the longest. ".repeat(30)}`);
    await chat(`${system}${"Two of these are the longest. ".repeat(30)}`);
    expect(taken).toEqual([0, 1]);
  });

  test("a free slot, and waits for one where all are taken", async () => {
    const { chat, taken, wait } = setUp();
    const { promise, resolve } = Promise.withResolvers<void>();
    wait(promise);
    const all = [chat("Hi."), chat("Hi."), chat("Hi.")];
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
    const swap: Setup["swap"] = async (_slot, { reuse }) => void restored.push(reuse !== "nothing");
    const { chat, chatAnew, compared } = setUp({ slots: 1, swap });
    await chat("One");
    await chatAnew("One");
    await chat("One");
    expect([compared, restored]).toEqual([
      [false, false, true],
      [true, false, true],
    ]);
  });

  test("what the one before it has left where it goes on from that, also where it has to be repeatable", async () => {
    const { chat, taken, compared } = setUp();
    await chat("One");
    await chat(LONG, { repeatable: true });
    await chat(then(LONG), { repeatable: true, continues: 1 });
    await chat(then("Three"), { repeatable: true, continues: 0, cache_prompt: false });
    await chat(then("Three"), { repeatable: true });
    expect([taken, compared]).toEqual([
      [0, 1, 1, 0, 0],
      [false, false, true, true, false],
    ]);
  });

  test("nothing from the one before it where that was of another API key", async () => {
    const { chatAs, compared } = setUp({ slots: 1 });
    await chatAs("one", LONG);
    await chatAs("two", then(LONG), { continues: 0 });
    expect(compared).toEqual([false, false]);
  });

  test("of its own API key what it finds there, of another one nothing", async () => {
    const { chatAs, taken, compared } = setUp({ slots: 2 });
    for (const key of ["one", "two", "one", "two", "three", "three", "two", "one"]) await chatAs(key, LONG);
    expect(taken).toEqual([0, 1, 0, 1, 0, 0, 1, 0]);
    expect(compared).toEqual([false, false, true, true, false, true, true, false]);
  });

  test("nothing of what may be another key's where one was left before a sign of it came", async () => {
    const { selection, chatAs, compared, wait } = setUp({ slots: 1, silent: true });
    await chatAs("one", LONG);
    const { promise, resolve } = Promise.withResolvers<void>();
    wait(promise);
    const stop = new AbortController();
    const request = askTokens(tokensOf(LONG), { cache_scope: "two" });
    const left = drain(selection.generate(request, stop.signal)).catch(() => {});
    await eventually("it has begun", () => compared.length === 2);
    stop.abort(new Error("gone"));
    resolve();
    await left;
    wait(undefined);
    await chatAs("two", LONG);
    expect(compared).toEqual([false, false, false]);
  });

  test("the slot of its conversation where that has images, which are no tokens", async () => {
    const { look, chat, taken, compared } = setUp();
    const image = { type: "image_url" as const, image_url: { url: "data:image/png;base64,AA" } };
    const seen: ChatMessage = { role: "user", content: [{ type: "text", text: LONG }, image] };
    await look(seen);
    await chat(LONG);
    await look(seen, { role: "assistant", content: SAID }, { role: "user", content: "And?" });
    await chat(then(LONG));
    expect([taken, compared]).toEqual([
      [0, 1, 0, 1],
      [false, false, true, true],
    ]);
  });
});

describe("several answers take", () => {
  test("free slots, of which llama-server chooses all but the first, and each is known by what it has said", async () => {
    // They come in the order of the answers: the second one has the first slot.
    const { chat, chatAs, taken, compared } = setUp({ slots: 3, chosen: () => [2, 0] });
    await chatAs("other", "Zero".repeat(20));
    await chatAs("other", "One".repeat(20));
    const events = await chat(LONG, { choices: 2 });
    expect(events.flatMap((event) => (event.type === "finish" ? [[event.choice, event.slot]] : []))).toEqual([
      [0, 2],
      [1, 0],
    ]);
    await chat(then(LONG));
    await chatAs("other", "One".repeat(20));
    await chatAs("other", "Zero".repeat(20));
    expect(taken).toEqual([0, 1, 2, 0, 2, 1, 0]);
    // What was the other key's in the first slot is gone.
    expect(compared).toEqual([false, false, false, true, true, false]);
  });

  test("the slot that llama-server takes, though it was another one's a moment ago", async () => {
    const { selection, chat, chatAs, compared, wait } = setUp({ slots: 3, chosen: () => [1, 0] });
    const { promise, resolve } = Promise.withResolvers<void>();
    wait(promise);
    const slow = chatAs("other", LONG);
    await eventually("it has begun", () => compared.length === 1);
    wait(undefined);
    await chat("Two answers. ".repeat(20), { choices: 2 });
    // The other one ends, and has no slot any more.
    resolve();
    await slow;
    await chatAs("other", LONG);
    expect(compared).toEqual([false, false, false]);
    expect(await drain(selection.generate(askTokens([1]), AbortSignal.timeout(1_000)))).not.toEqual([]);
  });

  test("none that llama-server does not name: that is refused, and nothing is taken for known", async () => {
    const { chat, compared } = setUp({ slots: 2, chosen: () => [0] });
    await chat(LONG);
    expect(chat(LONG, { choices: 2 })).rejects.toMatchObject({ code: "request_unsupported", param: "n" });
    await chat(LONG);
    expect(compared).toEqual([false, true, false]);
  });

  test("their slots alone: what is sent meanwhile waits until they are known", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { chat, taken, compared } = setUp({
      slots: 3,
      swap: async (slot) => (slot.id === 1 ? promise : undefined),
      chosen: () => [0, 1],
    });
    const several = chat(LONG, { choices: 2 });
    const one = chat("Hi.");
    await new Promise((done) => setTimeout(done, 20));
    expect(compared).toEqual([]);
    resolve();
    await Promise.all([several, one]);
    expect(taken).toEqual([0, 1, 2]);
  });
});

describe("slots are saved", () => {
  test("once after a while without a generation, the last used first", async () => {
    const { chat, saves } = setUp({ save_idle_ms: 100 });
    await chat("One");
    await chat("Two");
    expect(saves).toEqual([]);
    await eventually("both are saved", () => saves.length === 2);
    await chat(then("One"));
    await eventually("its slot is saved again", () => saves.length === 3);
    expect(saves).toEqual([1, 0, 0]);
  });

  test("not while a generation runs", async () => {
    const { chat, saves, wait } = setUp({ save_idle_ms: 50 });
    await chat("One");
    const { promise, resolve } = Promise.withResolvers<void>();
    wait(promise);
    const second = chat("Two");
    await new Promise((done) => setTimeout(done, 200));
    expect(saves).toEqual([]);
    resolve();
    await second;
    await eventually("both are saved", () => saves.length === 2);
  });

  test("when the engine closes, with those whose generations are about to end; slots with images are not", async () => {
    const { selection, chat, look, saves, wait } = setUp({ slots: 3 });
    await chat("One");
    await look({ role: "user", content: [{ type: "image_url", image_url: { url: "data:image/png;base64,AA" } }] });
    const { promise, resolve } = Promise.withResolvers<void>();
    wait(promise);
    const last = chat("Two");
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
  const left = drain(selection.generate(askTokens([1, 2]), stop.signal)).catch((error: unknown) => error);
  stop.abort(new Error("gone"));
  expect(await left).toEqual(new Error("gone"));
  const next = chat("Hello.");
  await new Promise((done) => setTimeout(done, 50));
  expect(taken).toEqual([]);
  resolve();
  await next;
  expect(taken).toEqual([0]);
});
