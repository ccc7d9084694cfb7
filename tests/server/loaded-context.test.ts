// The context that `GET /v1/models` tells before a load is the one that a load gives, and the refusal of what does not fit has the words
// that clients shorten by: on both native engines, behind the whole API.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "bun:test";
import { openIngle, type Ingle, type IngleOptions } from "../../src/index.ts";
import { realServer } from "../support/llama-server-binary.ts";
import { PLAIN_TEMPLATE } from "../support/models.ts";
import { tinyGguf } from "../support/tiny-gguf.ts";

const root = mkdtempSync(join(tmpdir(), "ingle-loaded-context-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;

/** What agents and client libraries look for in the sentence. */
const OF_CLIENTS = [
  /maximum context length is \d+ tokens/i,
  /this model's maximum context length is/i,
  /maximum context length/i,
  /\b(\d+) tokens\b.*\b(\d+) tokens\b/,
  // LangChain's, with the letters of this case.
  /prompt is too long/,
];

const TOOLS = [{ type: "function", function: { name: "look", description: "Looks.", parameters: { type: "object" } } }];

async function withModel(
  settings: Partial<IngleOptions>,
  context_length: number,
  work: (ask: Ask) => Promise<void>,
): Promise<void> {
  const folder = join(root, String(folders++));
  const file = `${folder}.gguf`;
  writeFileSync(file, tinyGguf({ context_length, template: PLAIN_TEMPLATE }));
  const ingle = await openIngle({ data: folder, models_dir: root, memory: "8GB", log: () => {}, ...settings });
  try {
    const ask = askerOf(ingle);
    await ask("/models", { path: file, id: "tiny" });
    await work(ask);
  } finally {
    await ingle.close();
  }
}

type Ask = (path: string, body?: object) => Promise<any>;

function askerOf(ingle: Ingle): Ask {
  return async (path, body) => {
    const headers = { "content-type": "application/json" };
    const init = body === undefined ? {} : { method: "POST", headers, body: JSON.stringify(body) };
    return (await ingle.fetch(new Request(`http://localhost/v1${path}`, init))).json();
  };
}

const server = await realServer();

describe.each([
  ["node-llama-cpp", undefined],
  ["llama-server", server.skip],
] as const)("with %s", (adapter, skip) => {
  test.skipIf(skip !== undefined).each<[trained: number, settings: Partial<IngleOptions>, context: number, slots: number]>([
    [512, {}, 512, 4],
    [8_100, {}, 8_100, 4],
    [131_072, {}, 32_768, 4],
    [131_072, { memory: "300MB" }, 4_096, 2],
    [131_072, { memory: "300MB", slots: 4 }, 4_096, 4],
    [512, { context: 300 }, 512, 4],
    [512, { context: 100, slots: 3 }, 256, 3],
    [512, { context: 4_096, slots: 1 }, 512, 1],
  ])(
    `a model of %d tokens with %j has %d in each of %d slots, before and after a load (${skip ?? "both are told"})`,
    async (...row) => {
      const [trained, settings, context, slots] = row;
      await withModel({ adapter, ...settings }, trained, async (ask) => {
        const told = async () => {
          const { context_length, loaded_context_length, fit } = await ask("/models/tiny?fit=true");
          return [context_length, loaded_context_length, fit.context, fit.slots];
        };
        expect(await told()).toEqual([trained, context, context, slots]);
        expect(await ask("/models/tiny/start", {})).toMatchObject({ state: "running" });
        expect(await told()).toEqual([trained, context, context, slots]);
        expect((await ask("/ps")).data).toMatchObject([{ context_length: context, slots }]);
      });
    },
  );

  test.skipIf(skip !== undefined)(
    "the refusal of a long prompt has words and counts, with tools and in a stream too",
    async () => {
      await withModel({ adapter, slots: 1 }, 512, async (ask) => {
        const messages = [{ role: "user", content: "hello world ".repeat(600) }];
        for (const more of [{}, { stream: true }, { tools: TOOLS, tool_choice: "none" }, { max_tokens: 1_000_000 }]) {
          const { error } = await ask("/chat/completions", { model: "tiny", messages, ...more });
          expect(error).toMatchObject({ type: "invalid_request_error", code: "context_length_exceeded", param: "messages" });
          expect([error.n_prompt_tokens > 512, error.n_ctx]).toEqual([true, 512]);
          for (const words of OF_CLIENTS) expect(error.message).toMatch(words);
        }
      });
    },
  );

  test.skipIf(skip !== undefined)("an answer ends with the context, however many tokens it may have", async () => {
    await withModel({ adapter, slots: 1, context: 256, threads: 1 }, 256, async (ask) => {
      const messages = [{ role: "user", content: "hello world ".repeat(15) }];
      for (const max_tokens of [32_000, -1]) {
        const body = { model: "tiny", messages, max_tokens, temperature: 0 };
        const { choices, usage } = await ask("/chat/completions", body);
        expect(["length", "stop"]).toContain(choices[0].finish_reason);
        expect(usage.total_tokens).toBeLessThanOrEqual(256);
      }
    });
  });
});
