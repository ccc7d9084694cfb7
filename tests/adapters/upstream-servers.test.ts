// What every adapter must do, done by real servers behind it: two llama-servers, and another ingle.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { upstream } from "../../adapters/upstream/adapter.ts";
import type { InstalledModel } from "../../models/manifest.ts";
import { adapterSuite, TINY } from "../adapter-suite.ts";
import { collect } from "../support/collect.ts";
import { type LlamaServer, NO_LLAMA_SERVER, startLlamaServer } from "../support/llama-server.ts";
import { ask, tinyModel } from "../support/models.ts";
import { startServer, type Server } from "../support/server.ts";
import { runtimes } from "../support/runtimes.ts";

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
  });

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
});
