// Models that cannot chat, asked to on the real server: a 400 that says what they are, before any engine starts.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "bun:test";
import { pair, text, u32, VALUE } from "../../models/gguf/writer.ts";
import { PROGRAM, run, RUNTIME } from "../support/program.ts";
import { startServer } from "../support/server.ts";
import { PLAIN_TEMPLATE } from "../support/models.ts";
import { tinyGguf } from "../support/tiny-gguf.ts";

const SLOW = 120_000;
const BOOL = 7;
const folder = mkdtempSync(join(tmpdir(), "ingle-no-chat-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** With the keys that converters write for this architecture; those of `llama` stand beside them. */
function file(name: string, architecture: string, keys: Uint8Array[]): string {
  const path = join(folder, `${name}.gguf`);
  const bytes = tinyGguf({ template: PLAIN_TEMPLATE, architecture, keys });
  writeFileSync(path, bytes);
  return path;
}
const number = (key: string, value: number) => pair(key, VALUE.u32, u32(value));
const MODELS = {
  encoder: file("encoder", "bert", [
    pair("bert.attention.causal", BOOL, new Uint8Array([0])),
    number("bert.pooling_type", 2),
    number("bert.context_length", 512),
    number("bert.embedding_length", 64),
    number("bert.block_count", 2),
    pair("tokenizer.ggml.pre", VALUE.string, text("jina-v2-de")),
  ]),
  embedder: file("embedder", "qwen3", [number("qwen3.pooling_type", 3), number("qwen3.context_length", 512)]),
  ranker: file("ranker", "qwen3", [number("qwen3.pooling_type", 4), number("qwen3.context_length", 512)]),
};

const PATHS: Record<string, string> = {
  encoder: "POST /v1/embeddings",
  embedder: "POST /v1/embeddings",
  ranker: "POST /v1/rerank",
};

// Never started: its load would be an error of another kind.
const program = join(folder, "llama-server");
writeFileSync(
  program,
  `#!/bin/sh\nexec "${process.execPath}" "${join(import.meta.dirname, "../support/fake-llama-server.ts")}" "$@"\n`,
);
chmodSync(program, 0o755);

describe.each([
  ["node-llama-cpp", []],
  ["llama-server", ["--llama-server", program]],
])("with %s", (adapter, flags) => {
  test(
    "no chat begins, and each says what it is",
    async () => {
      const data = mkdtempSync(join(folder, "data-"));
      for (const [id, path] of Object.entries(MODELS)) {
        const added = await run([...PROGRAM, "pull", path, "--id", id, "--data", data]);
        expect([added.code, added.stderr]).toEqual([0, expect.any(String)]);
        expect(added.stdout).toBe(
          `${id} is there, ${id === "ranker" ? "a model that ranks texts" : "a model for embeddings"}: ${PATHS[id]}.\n`,
        );
      }
      const listed = (await run([...PROGRAM, "list", "--data", data])).stdout;
      expect(listed).toMatch(/^encoder .* embeddings +- +- .*\n.*^ranker .* rerank +- +- /ms);
      const shown = (await run([...PROGRAM, "show", "encoder", "--data", data])).stdout;
      expect(shown).toMatch(/^Can do +embeddings\nEmbeddings +64 numbers, of the first token$/m);
      const server = await startServer(RUNTIME, ["--adapter", adapter, ...flags], { data });
      const messages = [{ role: "user", content: "hi" }];
      try {
        for (const [model, what] of [
          ["encoder", "a model for embeddings"],
          ["embedder", "a model for embeddings"],
          ["ranker", "a model that ranks texts (a reranker)"],
        ]) {
          for (const more of [{}, { stream: true }, { max_tokens: 1, temperature: 0 }]) {
            const answer = await server.chat({ model, messages, ...more });
            const { error } = (await answer.json()) as { error: { message: string; param: string } };
            expect([answer.status, error.param]).toEqual([400, "model"]);
            expect(error.message).toContain(`"${model}" is ${what}: it cannot chat. No installed model can.`);
          }
        }
        const default_one = await server.chat({ messages });
        expect([default_one.status, await default_one.text()]).toEqual([
          404,
          expect.stringContaining("No installed model can chat"),
        ]);
        expect(server.children()).toEqual([]);
      } finally {
        await server.stop();
      }
    },
    SLOW,
  );
});
