import { describe } from "bun:test";
import { llamaServer } from "../adapters/llama-server.ts";
import { adapterSuite, TINY } from "./adapter-suite.ts";
import { realServer } from "./support/llama-server-binary.ts";
import { realModel } from "./support/real-model.ts";

const { path, skip } = await realServer();
const adapter = llamaServer({ binary: () => path!, env: process.env, log: (line) => console.error(line) });

describe.skipIf(skip !== undefined)(`llama-server${skip === undefined ? "" : ` (skipped: ${skip})`}`, () => {
  adapterSuite("tiny model", { ...TINY, adapter });
  adapterSuite("real model", {
    adapter,
    model: realModel,
    prompt: "Count from one to twenty in words.",
    prompt_tokens: 38,
    long_prompt: "The quick brown fox jumps over the lazy dog. ".repeat(115),
    context: 1536,
    samples: true,
  });
});
