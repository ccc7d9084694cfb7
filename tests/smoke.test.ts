// The shortest proof that ingle works on a runtime: `bun test`, `deno test` and `node --test` all run this one file.
import assert from "node:assert/strict";
import { test } from "node:test";
import memory from "unstorage/drivers/memory";
import type { Adapter } from "../adapters/adapter.ts";
import { echo } from "../adapters/echo.ts";
import type { Model } from "../models/manifest.ts";
import { createApp } from "../src/server/app.ts";
import { createDownloadJobs } from "../src/library/download-jobs.ts";
import { createModelPool } from "../src/inference/model-pool.ts";
import { createLibrary } from "../src/library/library.ts";
import { createLog } from "../src/support/log/log.ts";
import { serve } from "../src/server/listen.ts";
import { createStore } from "../src/storage/store.ts";

const CHAT = "/v1/chat/completions";
const LOCAL = { headers: { host: "localhost" } };
const says = (content: string) => ({ model: "echo", messages: [{ role: "user", content }] });

test("health answers", async () => {
  const res = await makeApp().request("/health", LOCAL);
  assert.equal(res.status, 200);
  assert.deepEqual(await res.json(), { status: "ok", version: "0.0.0", models: { installed: 1, running: 0 } });
});

test("the models are listed", async () => {
  const res = await makeApp().request("/v1/models", LOCAL);
  assert.equal(res.status, 200);
  const { object, data } = (await res.json()) as { object: string; data: { id: string; object: string; state: string }[] };
  assert.equal(object, "list");
  assert.deepEqual(
    data.map(({ id, object, state }) => ({ id, object, state })),
    [{ id: "echo", object: "model", state: "stopped" }],
  );
});

test("a chat is answered as JSON", async () => {
  const res = await makeApp().request(CHAT, post(says("good evening 🌍")));
  assert.equal(res.status, 200);
  const { object, choices, usage } = (await res.json()) as Completion;
  assert.equal(object, "chat.completion");
  assert.equal(choices[0]?.message.content, "good evening 🌍");
  assert.equal(choices[0]?.finish_reason, "stop");
  assert.equal(usage.total_tokens, 6);
});

test("a chat is answered as server-sent events", async () => {
  const res = await makeApp().request(CHAT, post({ ...says("good evening 🌍"), stream: true }));
  assert.equal(res.headers.get("content-type"), "text/event-stream; charset=utf-8");
  const frames = (await res.text()).split("\n\n");
  assert.deepEqual(frames.slice(-2), ["data: [DONE]", ""]);
  assert.equal(textOf(frames), "good evening 🌍");
});

test("an error has a status, a code and a sentence", async () => {
  const res = await makeApp().request(CHAT, post({ ...says("x"), temperature: 3 }));
  assert.equal(res.status, 400);
  const { error } = (await res.json()) as { error: Record<string, unknown> };
  assert.equal(error.param, "temperature");
  assert.equal(error.code, "invalid_value");
});

test("over a socket: JSON, and a stream that comes piece by piece", async () => {
  // Given an engine that speaks its last word only when the first has arrived.
  const first = Promise.withResolvers<void>();
  const server = await listen(haltingEcho({ atWord: 2, until: first.promise }));
  try {
    const whole = await fetch(server.url + CHAT, post(says("hello")));
    assert.equal(((await whole.json()) as Completion).choices[0]?.message.content, "hello");

    const stream = await fetch(server.url + CHAT, post({ ...says("one two"), stream: true }));
    let text = "";
    for await (const piece of stream.body!.pipeThrough(new TextDecoderStream())) {
      text += piece;
      if (text.includes('"one"')) first.resolve();
    }
    assert.equal(textOf(text.split("\n\n")), "one two");
  } finally {
    await server.close(0);
  }
});

test("over a socket: a client that leaves is seen by the engine", async () => {
  const left = Promise.withResolvers<unknown>();
  const server = await listen(haltingEcho({ atWord: 2, until: new Promise(() => {}), onAbort: left.resolve }));
  try {
    const leave = new AbortController();
    const res = await fetch(server.url + CHAT, { ...post({ ...says("one two"), stream: true }), signal: leave.signal });
    await res.body!.getReader().read();
    leave.abort();
    assert.ok(await left.promise);
  } finally {
    await server.close(0);
  }
});

test("over a socket: close() lets a running answer end and takes no new one", async () => {
  const go = Promise.withResolvers<void>();
  const server = await listen(haltingEcho({ atWord: 2, until: go.promise }));
  const res = await fetch(server.url + CHAT, post({ ...says("one two"), stream: true }));
  const closed = server.close(30_000);
  await assert.rejects(fetch(`${server.url}/health`));
  go.resolve();
  assert.equal(textOf((await res.text()).split("\n\n")), "one two");
  await closed;
});

interface Completion {
  object: string;
  choices: { message: { content: string }; finish_reason: string }[];
  usage: { total_tokens: number };
}

function post(body: object) {
  return { method: "POST", headers: { "content-type": "application/json", host: "localhost" }, body: JSON.stringify(body) };
}

/** The content of all chunks. */
function textOf(frames: string[]): string {
  const chunks = frames.flatMap((frame) => (frame.startsWith("data: {") ? JSON.parse(frame.slice(6)) : []));
  return chunks.map(({ choices }) => choices[0].delta.content ?? "").join("");
}

/** Echo that waits before one of its words: what a test asserts then hangs on an event, never on a clock. */
function haltingEcho({ atWord, until, onAbort }: { atWord: number; until: Promise<void>; onAbort?: (seen: unknown) => void }) {
  const plain = echo();
  const adapter: Adapter = {
    name: "halting echo",
    capabilities: plain.capabilities,
    async load(...args) {
      const engine = await plain.load(...args);
      return {
        ...engine,
        async *chat(request, signal) {
          const aborted = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
          void aborted.then(() => onAbort?.(signal.reason));
          let word = 0;
          for await (const event of engine.chat(request, signal)) {
            if (++word === atWord && event.type === "text") await Promise.race([until, aborted]);
            yield event;
          }
        },
      };
    },
  };
  return adapter;
}

async function listen(adapter: Adapter) {
  const app = makeApp(adapter);
  return serve((request) => app.fetch(request), { host: "127.0.0.1", port: 0 });
}

function makeApp(adapter = echo()) {
  const model: Model = {
    ...{ id: "echo", object: "model", name: "Echo", version: "1.0", description: "", format: "gguf", created: 0 },
    ...{ owned_by: "", settings: {}, parameters: {}, metadata: {}, files: [] },
  };
  const log = createLog(() => {});
  const adapterOf = () => adapter;
  const resolve = ({ id }: Model) => ({ id, path: "", settings: {} });
  const store = createStore({ driver: memory(), shared: false, log });
  const library = Object.assign(createLibrary({ records: store.models, downloads: store.downloads, weights: "nowhere" }), {
    list: async () => [model],
    all: async () => [[model.id, model] as [string, Model]],
    get: async (id: string) => (id === model.id ? model : undefined),
    resolve: async (model: Model) => resolve(model),
  });
  return createApp({
    guards: { hosts: [], wide: false, origins: [], keys: [], newRequestId: () => "req_1" },
    store,
    library,
    downloads: createDownloadJobs({ library, records: store.downloads, options: {}, now: () => 0, log }),
    pool: createModelPool({ adapterOf, resolve, slots: 4, queue: 4, log }),
    adapterOf,
    log,
    version: "0.0.0",
    stream_default: false,
    newId: (prefix) => `${prefix}1`,
    newSeed: () => 1,
    now: () => 1_700_000_000,
  });
}
