// Which slot of llama-server a turn takes, and when what is in the others is written down: without a server and without a disk.
import { describe, expect, test } from "bun:test";
import type { ChatMessage, ChatRequest } from "../../adapters/adapter.ts";
import { createSeats } from "../../adapters/llama-server/slot-selection.ts";
import type { HeldSlot, SlotStates } from "../../adapters/llama-server/slot-states.ts";
import { collect } from "../adapter-suite.ts";
import { ask } from "../support/models.ts";
import { eventually } from "../support/server.ts";

const user = (content: string): ChatMessage => ({ role: "user", content });
const said = (content: string): ChatMessage => ({ role: "assistant", content });

/** Turns of 300 tokens; `hold` lets them wait amid their answer. */
function seated({ slots = 2, keep_after = 60_000, swap = async () => {} }: Partial<Seated> = {}) {
  const taken: (number | undefined)[] = [];
  const kept: number[] = [];
  const states: SlotStates = {
    swap,
    keep: async (slot: HeldSlot) => void (slot.held?.kept === false && kept.push(slot.id) && (slot.held.kept = true)),
    settle: async () => {},
  };
  let hold: Promise<void> | undefined;
  const seats = createSeats({
    slots,
    keep_after,
    states,
    async *chat(_request: ChatRequest, signal: AbortSignal, id_slot?: number) {
      taken.push(id_slot);
      yield { type: "text", text: "hello" };
      await hold;
      signal.throwIfAborted();
      yield { type: "finish", reason: "stop", usage: { prompt_tokens: 300, completion_tokens: 2, cached_tokens: 0 } };
    },
  });
  const turn = (...messages: ChatMessage[]) => collect(seats.chat(ask(messages), AbortSignal.timeout(10_000)));
  return { seats, taken, kept, turn, wait: (until: Promise<void> | undefined) => void (hold = until) };
}
interface Seated {
  slots: number;
  keep_after: number;
  swap: SlotStates["swap"];
}

describe("a turn takes", () => {
  test("the slot of its conversation, else one that is empty, else that of the conversation which was heard of longest ago", async () => {
    const { turn, taken } = seated({ slots: 3 });
    const talks = ["One", "Two", "Three"].map((word) => user(`${word} of these is the longest.`.repeat(20)));
    for (const talk of talks) await turn(talk);
    await turn(talks[0]!, said("hello"), user("And?"));
    await turn(talks[1]!, said("hello"), user("And?"));
    await turn(user("Another one."));
    await turn(talks[0]!, said("hello"), user("And?"), said("hello"), user("So?"));
    expect(taken).toEqual([0, 1, 2, 0, 1, 2, 0]);
  });

  test("none of others' for a system prompt that it shares with them", async () => {
    const { turn, taken } = seated();
    const system: ChatMessage = { role: "system", content: "Be brief. ".repeat(30) };
    await turn(system, user("One of these is the longest. ".repeat(30)));
    await turn(system, user("Two of these are the longest. ".repeat(30)));
    expect(taken).toEqual([0, 1]);
  });

  test("one that is free, and none in particular where all are taken", async () => {
    const { turn, taken, wait } = seated();
    const { promise, resolve } = Promise.withResolvers<void>();
    wait(promise);
    const all = [turn(user("Hi.")), turn(user("Hi.")), turn(user("Hi."))];
    await eventually("all have begun", () => taken.length === 3);
    resolve();
    await Promise.all(all);
    expect(taken.toSorted()).toEqual([0, 1, undefined]);
  });
});

describe("slots are written down", () => {
  test("when nothing has run for a while, the last used first, and once", async () => {
    const { turn, kept } = seated({ keep_after: 100 });
    await turn(user("One"));
    await turn(user("Two"));
    expect(kept).toEqual([]);
    await eventually("both are kept", () => kept.length === 2);
    await turn(user("One"), said("hello"), user("And?"));
    await eventually("its slot is kept again", () => kept.length === 3);
    expect(kept).toEqual([1, 0, 0]);
  });

  test("not while a turn runs", async () => {
    const { turn, kept, wait } = seated({ keep_after: 50 });
    await turn(user("One"));
    const { promise, resolve } = Promise.withResolvers<void>();
    wait(promise);
    const second = turn(user("Two"));
    await new Promise((done) => setTimeout(done, 200));
    expect(kept).toEqual([]);
    resolve();
    await second;
    await eventually("both are kept", () => kept.length === 2);
  });

  test("at the end, with those whose turns are about to end; images aside", async () => {
    const { seats, turn, kept, wait } = seated({ slots: 3 });
    await turn(user("One"));
    await turn({ role: "user", content: [{ type: "image_url", image_url: { url: "data:image/png;base64,AA" } }] });
    const { promise, resolve } = Promise.withResolvers<void>();
    wait(promise);
    const last = turn(user("Two"));
    const ended = seats.keep();
    setTimeout(resolve, 50);
    await Promise.all([last, ended]);
    expect(kept).toEqual([2, 0]);
  });
});

test("whoever leaves while the disk is waited for leaves at once, and the next turn there waits", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { seats, taken, turn } = seated({ slots: 1, swap: () => promise });
  const stop = new AbortController();
  const left = collect(seats.chat(ask("Hi."), stop.signal)).catch((error: unknown) => error);
  stop.abort(new Error("gone"));
  expect(await left).toEqual(new Error("gone"));
  const next = turn(user("Hello."));
  await new Promise((done) => setTimeout(done, 50));
  expect(taken).toEqual([]);
  resolve();
  await next;
  expect(taken).toEqual([0]);
});
