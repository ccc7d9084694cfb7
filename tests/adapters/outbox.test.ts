// What leaves the process of an engine together, and what is joined on the way.
import { describe, expect, test } from "bun:test";
import { PassThrough } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { hostEngine } from "../../adapters/child-process/host.ts";
import { createOutbox, JOIN_MS } from "../../adapters/child-process/outbox.ts";
import type { ChildEvent, FromChild } from "../../adapters/child-process/protocol.ts";
import { encodeMessage } from "../../adapters/shared/json-lines.ts";
import type { TokenAdapter } from "../../adapters/token-engine.ts";
import { askTokens } from "../support/models.ts";
import { eventually } from "../support/server.ts";

/** An outbox at a clock in the test's hands; `left` are the messages of each write. */
function make() {
  const left: FromChild[][] = [];
  const clock = { ms: 1_000 };
  const outbox = createOutbox(
    (lines) => left.push(messagesOf(lines)),
    () => clock.ms,
  );
  return { ...outbox, left, clock };
}

const messagesOf = (lines: string): FromChild[] =>
  lines
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as FromChild);
const text = (said: string, more: Partial<Extract<ChildEvent, { type: "text" }>> = {}): ChildEvent => {
  return { type: "text", text: said, ...more };
};
const finish: ChildEvent = {
  ...{ type: "finish", reason: "stop", slot: 0 },
  usage: { prompt_tokens: 1, completion_tokens: 1, cached_tokens: 0 },
};
const turn = () => new Promise((done) => setImmediate(done));
const eventsOf = (messages: FromChild[] = []) =>
  messages.map((message) => (message.type === "event" ? message.event : message.type));

describe("texts of an answer", () => {
  test("leave at once where they are the first, and joined behind that", async () => {
    const { call, left } = make();
    const tell = call(7);
    tell(text("a"));
    await turn();
    expect(left).toEqual([[{ type: "event", id: 7, event: { type: "text", text: "a" } }]]);
    for (const said of ["b", "c", "d"]) tell(text(said));
    await turn();
    expect(left).toHaveLength(1);
    await eventually("the others leave", () => left.length === 2);
    expect(eventsOf(left[1])).toEqual([text("bcd")]);
  });

  test("leave at once where none has left for a while", async () => {
    const { call, left, clock } = make();
    const tell = call(0);
    for (const said of ["a", "b", "c"]) {
      tell(text(said));
      await turn();
      clock.ms += JOIN_MS;
    }
    expect(left.map((messages) => eventsOf(messages))).toEqual([[text("a")], [text("b")], [text("c")]]);
  });

  test("are those of one choice", async () => {
    const { call, left } = make();
    const tell = call(0);
    for (const said of ["a", "b", "c"]) for (const choice of [0, 1]) tell(text(said + choice, { choice }));
    await turn();
    expect(left.map((messages) => eventsOf(messages))).toEqual([[text("a0b0c0", { choice: 0 }), text("a1b1c1", { choice: 1 })]]);
  });

  test("are those of one call", async () => {
    const { call, left } = make();
    const tells = [call(0), call(1)];
    for (const said of ["a", "b"]) for (const tell of tells) tell(text(said));
    await turn();
    expect(left).toEqual([
      [
        { type: "event", id: 0, event: { type: "text", text: "ab" } },
        { type: "event", id: 1, event: { type: "text", text: "ab" } },
      ],
    ]);
  });

  test("stay apart where something is said of their tokens", async () => {
    const { call, left } = make();
    const tell = call(0);
    const logprobs = [{ token: "a", bytes: [97], logprob: -1 }];
    const events = [
      text("a", { logprobs }),
      text("b"),
      text("c", { logprobs }),
      text("d", { count: 4 }),
      text("e", { count: 5 }),
    ];
    for (const event of events) tell(event);
    await turn();
    expect(left.map((messages) => eventsOf(messages))).toEqual([events]);
  });

  test("do not change in the engine's hands", async () => {
    const { call } = make();
    const tell = call(0);
    const first = text("a");
    tell(first);
    tell(text("b"));
    expect(first).toEqual(text("a"));
  });
});

describe("what is no text", () => {
  test("leaves at once, behind the texts before it", async () => {
    const { call, left } = make();
    const tell = call(0);
    tell(text("a"));
    await turn();
    tell(text("b"));
    tell(finish);
    await turn();
    expect(left.map((messages) => eventsOf(messages))).toEqual([[text("a")], [text("b"), finish]]);
    await new Promise((done) => setTimeout(done, 2 * JOIN_MS));
    expect(left).toHaveLength(2);
  });

  test("waits for others where it is a vector or a score, up to the end of its answer", async () => {
    const { call, left } = make();
    const tell = call(0);
    const scores = [0, 1, 2].map((index): ChildEvent => ({ type: "score", index, score: 1 }));
    tell(scores[0]!);
    await turn();
    tell(scores[1]!);
    await turn();
    expect(left.map((messages) => eventsOf(messages))).toEqual([[scores[0]!]]);
    tell(scores[2]!);
    tell(finish);
    await turn();
    expect(left.slice(1).map((messages) => eventsOf(messages))).toEqual([[scores[1]!, scores[2]!, finish]]);
  });

  test("keeps its place between texts", async () => {
    const { call, left } = make();
    const tell = call(0);
    const prompt: ChildEvent = { type: "prompt", read: 1, total: 2 };
    for (const event of [text("a"), prompt, text("b"), text("c")]) tell(event);
    await turn();
    expect(left.map((messages) => eventsOf(messages))).toEqual([[text("a"), prompt, text("bc")]]);
  });

  test("of one choice ends no other's text", async () => {
    const { call, left } = make();
    const tell = call(0);
    const done: ChildEvent = { ...finish, choice: 0 } as ChildEvent;
    for (const event of [text("a", { choice: 1 }), done, text("b", { choice: 1 })]) tell(event);
    await turn();
    expect(eventsOf(left[0])).toEqual([text("ab", { choice: 1 }), done]);
  });

  test("takes along what waits of other calls, and an error too", async () => {
    const { call, send, left } = make();
    const [tell, other] = [call(0), call(1)];
    tell(text("a"));
    await turn();
    tell(text("b"));
    send({ type: "error", id: 1, error: { name: "Error", message: "no" } as never });
    await turn();
    expect(eventsOf(left[1])).toEqual([text("b"), "error"]);
    tell(text("c"));
    other(text("first"));
    await turn();
    expect(eventsOf(left[2])).toEqual([text("c"), text("first")]);
  });
});

describe("a call that is given up", () => {
  /** Talks until it is told to stop. */
  const talker: TokenAdapter = {
    name: "talker",
    load: async () => ({
      ...{ slots: 1, context_length: 9, closed: Promise.resolve(undefined), close: async () => {} },
      async *generate({ prompt }, signal) {
        for (;;) {
          yield { type: "text", text: `${prompt[0]}` };
          await sleep(1, undefined, { signal });
        }
      },
    }),
  };

  test("has no text once that has left which waited, and none of it is in the next call", async () => {
    const input = new PassThrough();
    const left: FromChild[] = [];
    const hosted = hostEngine(talker, input, (lines) => left.push(...messagesOf(lines)));
    const model = { id: "talker", path: "", settings: {} };
    input.write(encodeMessage({ type: "load", model, options: { slots: 1, context: 9 } }));
    const events = (id: number) =>
      left.flatMap((message) => (message.type === "event" && message.id === id ? message.event : []));
    for (const id of [0, 1]) {
      input.write(encodeMessage({ type: "generate", id, request: askTokens([id + 1]) }));
      await eventually("it talks", () => events(id).length > 2, 5_000, 1);
      input.write(encodeMessage({ type: "abort", id }));
      await sleep(3 * JOIN_MS);
      const before = left.length;
      await sleep(3 * JOIN_MS);
      expect(left.length).toBe(before);
    }
    input.end();
    await hosted;
    const said = [0, 1].map((id) => events(id).map((event) => (event.type === "text" ? event.text : event)));
    expect(said[0]!.join("")).toMatch(/^1+$/);
    expect(said[1]!.join("")).toMatch(/^2+$/);
  });
});
