// What every adapter must do, done by real servers behind it: two llama-servers, and another ingle.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { upstream } from "../../adapters/upstream/adapter.ts";
import type { InstalledModel } from "../../models/manifest.ts";
import { adapterSuite, TINY } from "../adapter-suite.ts";
import { collectVectors, rerankSuite } from "../embedding-suite.ts";
import { collect } from "../support/collect.ts";
import { type LlamaServer, NO_LLAMA_SERVER, startLlamaServer } from "../support/llama-server.ts";
import { ask, tinyModel } from "../support/models.ts";
import { startServer, type Server } from "../support/server.ts";
import { runtimes } from "../support/runtimes.ts";
import { installedAs, tinyEncoder } from "../support/tiny-encoders.ts";

const SLOW = 60_000;
const KEY = "key-of-the-llama-servers";
const env = { INGLE_UPSTREAM_LLAMA: KEY };

describe.skipIf(NO_LLAMA_SERVER !== undefined)(NO_LLAMA_SERVER ?? "two llama-servers", () => {
  let servers: LlamaServer[] = [];
  const model = async (): Promise<InstalledModel> => ({
    ...{ id: "tiny", path: "", settings: {} },
    upstream: { urls: servers.map(({ url }) => url), key_env: "INGLE_UPSTREAM_LLAMA", slots: 2 },
  });

  beforeAll(async () => {
    const { path } = await tinyModel({ context_length: TINY.context });
    const options = { model: path, alias: "tiny", context: TINY.context, slots: 2, key: KEY };
    servers = [await startLlamaServer(options), await startLlamaServer(options)];
  }, SLOW);
  afterAll(() => Promise.all(servers.map((server) => server.kill())));

  // Before the suite, after which a server may compute what was left for a second more.
  test("a conversation's next request finds what its last one has read", async () => {
    const engine = await upstream({ env }).load(
      await model(),
      { slots: 1, context: 1, threads: 1 },
      new AbortController().signal,
    );
    try {
      for (let talk = 0; talk < 4; talk++) {
        const messages = [{ role: "user" as const, content: `${talk} ${"ab ".repeat(200)}` }];
        const first = await collect(engine.chat(ask(messages), new AbortController().signal));
        const more = [
          ...messages,
          { role: "assistant" as const, content: first.text },
          { role: "user" as const, content: "go on" },
        ];
        const { usage } = await collect(engine.chat(ask(more), new AbortController().signal));
        expect(usage.cached_tokens).toBeGreaterThanOrEqual(first.usage.prompt_tokens);
      }
    } finally {
      await engine.close();
    }
  });

  test("the error for a wrong key names its variable", async () => {
    const wrong = upstream({ env: { INGLE_UPSTREAM_LLAMA: "another-key" } });
    const error = await wrong
      .load(await model(), { slots: 1, context: 1, threads: 1 }, new AbortController().signal)
      .catch((e: unknown) => e);
    expect(error).toMatchObject({ code: "engine_unavailable", message: expect.stringContaining("INGLE_UPSTREAM_LLAMA") });
  });

  const { long_prompt: _, ...tiny } = TINY;
  // Its answer has a word in it.
  const subject = { ...tiny, prompt: "night", prompt_tokens: 7 };
  adapterSuite("upstream", {
    ...subject,
    adapter: upstream({ env }),
    model,
    slots: 4,
    caches: true,
    stops_by_bytes: true,
    only_counts: true,
    cuts: false,
    adds_ends: false,
  });
});

describe.skipIf(NO_LLAMA_SERVER !== undefined)(NO_LLAMA_SERVER ?? "a llama-server with a model of its own task", () => {
  const servers: LlamaServer[] = [];
  const serve = async (pooling: "mean" | "rank"): Promise<InstalledModel> => {
    const file = tinyEncoder(pooling === "rank" ? { pooling, rank_head: true } : { pooling });
    const { path } = await installedAs(pooling, file);
    const server = await startLlamaServer({ model: path, alias: "tiny", context: 128, slots: 2, pooling });
    servers.push(server);
    return { id: "tiny", path: "", settings: {}, upstream: { urls: [server.url], slots: 2 } };
  };
  afterAll(() => Promise.all(servers.map((server) => server.kill())));

  rerankSuite("upstream", { adapter: upstream({ env: {} }), model: () => serve("rank") });

  test("an encoder's text that is too long is the client's fault, and the server is asked again", async () => {
    const options = { slots: 1, context: 1, threads: 1 };
    const engine = await upstream({ env: {} }).load(await serve("mean"), options, new AbortController().signal);
    const error = await collectVectors(engine, ["a", "ab ".repeat(600)]).catch((error: unknown) => error);
    const message = "it has 1202 tokens, and this model's maximum context length is 512 tokens";
    expect(error).toMatchObject({ code: "context_length_exceeded", message: expect.stringContaining(message) });
    expect((await collectVectors(engine, ["a"])).vectors.length).toBe(1);
    await engine.close();
  });
});

describe("another ingle", () => {
  let server: Server;
  beforeAll(async () => {
    const runtime = runtimes().find(({ skip }) => skip === undefined)!;
    server = await startServer(runtime, ["--adapter", "echo", "--slots", "3", "--context", "512"]);
  }, SLOW);
  afterAll(async () => void (await server.stop()));

  adapterSuite("upstream", {
    adapter: upstream({ env: {} }),
    model: async () => ({ id: "far", path: "", settings: {}, upstream: { urls: [`${server.url}/v1`], model: "echo", slots: 3 } }),
    prompt: "one two three, four five six: seven eight nine ten; eleven twelve thirteen fourteen fifteen sixteen seventeen",
    prompt_tokens: 17,
    context: 512,
    samples: false,
    only_counts: true,
  });
  rerankSuite("upstream", {
    adapter: upstream({ env: {} }),
    model: async () => ({ id: "far", path: "", settings: {}, upstream: { urls: [`${server.url}/v1`], model: "echo", slots: 3 } }),
  });
});
