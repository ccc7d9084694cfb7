// Objects in, one stream out: frames, pings, errors, and readers that leave or stall.
import { describe, expect, test } from "bun:test";
import { ApiError } from "../../src/http/errors.ts";
import { sse, type SseOptions } from "../../src/http/sse.ts";
import { channel } from "../../adapters/shared/channel.ts";
import { frameReader, framesOf } from "../support/frames.ts";

const END = Symbol("end");
const FAST = 5;

/** An iterable in the test's hands. `over` settles when it was left or is through; aborting `stop` throws in it, as an engine does. */
function source() {
  const { push: put, fail, take } = channel<unknown>();
  const stop = new AbortController();
  const over = Promise.withResolvers<void>();
  stop.signal.addEventListener("abort", () => fail(stop.signal.reason));
  async function* objects() {
    try {
      for (let next = await take(); next !== END; next = await take()) yield next;
    } finally {
      over.resolve();
    }
  }
  const errors: ApiError[] = [];
  const open = (options: SseOptions = {}) => sse(objects(), stop, { onError: (error) => errors.push(error), ...options });
  return { put, fail, stop, over: over.promise, errors, open };
}

async function* of(...values: unknown[]) {
  yield* values;
}

const aborted = ({ signal }: AbortController) =>
  new Promise<void>((done) => (signal.aborted ? done() : signal.addEventListener("abort", () => done())));

describe("frames", () => {
  test("are one JSON line each, ended by a blank line, and [DONE] is last", async () => {
    const res = await sse(of({ a: 1 }, { b: "x\ny\r\nz" }), new AbortController());
    expect(await res.text()).toBe('data: {"a":1}\n\ndata: {"b":"x\\ny\\r\\nz"}\n\ndata: [DONE]\n\n');
  });

  test("carry the headers that keep proxies from holding them back", async () => {
    const { headers } = await sse(of(), new AbortController());
    expect(headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("x-accel-buffering")).toBe("no");
  });

  test("of nothing are [DONE] alone", async () => {
    expect(await framesOf(await sse(of(), new AbortController()))).toEqual({ data: [], done: true, comments: [] });
  });

  test("B-33: are valid UTF-8 each, and together what went in, halves of a character too", async () => {
    const pieces = ["NUL \0", "RTL \u202e", "👩‍👩‍👧", "\ud83d", "\ude00", "\u2028\u2029", "漢字", "\ufeff"];
    const reader = (await sse(of(...pieces), new AbortController())).body!.getReader();
    let text = "";
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      // Each chunk by itself: what a proxy forwards at once.
      text += new TextDecoder("utf-8", { fatal: true }).decode(next.value);
    }
    const said = text.split("\n\n").slice(0, -2);
    expect(said.map((frame) => JSON.parse(frame.slice("data: ".length))).join("")).toBe(pieces.join(""));
  });
});

describe("errors", () => {
  const refusal = new ApiError(429, "Later.", { code: "queue_full", headers: { "retry-after": "2" } });

  test("B-34: before the first object it is thrown, as it is", async () => {
    const { open, fail, errors } = source();
    fail(refusal);
    expect(await open().catch((error: unknown) => error)).toBe(refusal);
    expect(errors).toEqual([]);
  });

  test("B-34: after it, it is one frame and the end, and is told", async () => {
    const { open, put, fail, errors, over, stop } = source();
    put(1);
    const reader = frameReader(await open());
    expect(await reader.next()).toBe(1);
    fail(refusal);
    expect(await reader.next()).toEqual({
      error: { message: "Later.", type: "invalid_request_error", param: null, code: "queue_full" },
    });
    expect(await reader.next()).toBeUndefined();
    await over;
    expect(errors).toEqual([refusal]);
    expect(stop.signal.aborted).toBe(false);
  });

  test("what is not ours shows nothing of itself, and keeps its cause for the log", async () => {
    const { open, put, fail, errors } = source();
    put(1);
    const res = await open();
    const cause = new TypeError("at /home/me/secret.ts");
    fail(cause);
    expect(await res.text()).not.toContain("secret");
    expect(errors.map((error) => error.cause)).toEqual([cause]);
  });

  test("what was said before the error comes before it", async () => {
    async function* breaking() {
      yield* [1, 2, 3];
      throw refusal;
    }
    const { data, done } = await framesOf(await sse(breaking(), new AbortController()));
    expect(data).toEqual([1, 2, 3, { error: expect.objectContaining({ code: "queue_full" }) }]);
    expect(done).toBe(false);
  });
});

describe("a silence", () => {
  test("before the first object is a stream that pings, and its error then is a frame", async () => {
    const { open, fail, errors } = source();
    const res = await open({ ping_ms: FAST });
    const reader = res.body!.getReader();
    const ping = async () => new TextDecoder().decode((await reader.read()).value);
    expect([await ping(), await ping()]).toEqual([": ping\n\n", ": ping\n\n"]);
    fail(new ApiError(503, "Not today.", { code: "engine_unavailable" }));
    let text = "";
    for (let next = await reader.read(); !next.done; next = await reader.read()) text += new TextDecoder().decode(next.value);
    expect(text).toContain(`"code":"engine_unavailable"`);
    expect(text).not.toContain("[DONE]");
    expect(errors).toHaveLength(1);
  });

  test("between two objects pings, and breaks neither", async () => {
    const { open, put } = source();
    put("one");
    const res = await open({ ping_ms: FAST });
    const reader = frameReader(res);
    expect(await reader.next()).toBe("one");
    const second = reader.next();
    while (reader.comments.length < 2) await new Promise((done) => setTimeout(done, FAST));
    put("two");
    put(END);
    expect([await second, await reader.next(), await reader.next()]).toEqual(["two", "[DONE]", undefined]);
    expect(new Set(reader.comments)).toEqual(new Set(["ping"]));
  });

  test("shorter than a ping has none", async () => {
    const { open, put } = source();
    put("one");
    const res = await open({ ping_ms: 60_000 });
    put(END);
    expect((await framesOf(res)).comments).toEqual([]);
  });
});

describe("a reader that leaves", () => {
  test("aborts the work first, though it waits, and lets it clean up", async () => {
    const { open, put, stop, over, errors } = source();
    put("one");
    const reader = frameReader(await open());
    await reader.next();
    await reader.cancel();
    expect(stop.signal.aborted).toBe(true);
    await over;
    expect(errors).toEqual([]);
  });

  test("before it has read anything likewise", async () => {
    const { open, put, stop, over } = source();
    put("one");
    await (await open()).body!.cancel();
    expect(stop.signal.aborted).toBe(true);
    await over;
  });

  test("amid the silence before the first object likewise", async () => {
    const { open, stop, over } = source();
    await (await open({ ping_ms: FAST })).body!.cancel();
    expect(stop.signal.aborted).toBe(true);
    await over;
  });

  test("after the end aborts nothing", async () => {
    const stop = new AbortController();
    const reader = frameReader(await sse(of(1), stop));
    while ((await reader.next()) !== undefined);
    await reader.cancel();
    expect(stop.signal.aborted).toBe(false);
  });

  test("of an iterable that cannot be left is no trouble", async () => {
    const stop = new AbortController();
    const endless = { [Symbol.asyncIterator]: () => ({ next: async () => ({ value: 1, done: false }) }) };
    await (await sse(endless, stop)).body!.cancel();
    expect(stop.signal.aborted).toBe(true);
  });
});

describe("a reader that stalls", () => {
  test("is given up, and the work with it", async () => {
    const { open, put, stop, over, errors } = source();
    for (let n = 0; n < 10; n++) put(n);
    const res = await open({ stall_ms: FAST });
    await aborted(stop);
    await over;
    expect((stop.signal.reason as Error).message).toContain(`${FAST} ms`);
    expect(await res.text().catch((error: Error) => error.message)).toBe("stalled");
    expect(errors).toEqual([]);
  });

  test("is not what waits for more", async () => {
    const { open, put, stop } = source();
    put("one");
    // Pings are signs of time that has passed without anything to take.
    const reader = frameReader(await open({ stall_ms: 1000, ping_ms: 300 }));
    await new Promise((made) => setImmediate(made)); // The first object waits for its reader, and the clock runs.
    await reader.next();
    const second = reader.next();
    while (reader.comments.length < 4) await new Promise((done) => setTimeout(done, FAST));
    expect(stop.signal.aborted).toBe(false);
    put(END);
    expect(await second).toBe("[DONE]");
  });

  test("nothing is made for it beyond two objects ahead", async () => {
    let made = 0;
    async function* counting() {
      for (;;) yield ++made;
    }
    const stop = new AbortController();
    const res = await sse(counting(), stop, { stall_ms: 20 });
    await aborted(stop);
    expect(made).toBeLessThanOrEqual(3);
    await res.body!.cancel().catch(() => {});
  });
});
