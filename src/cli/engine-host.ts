// Hidden: the process in which the child-process adapter runs another one. `ingle engine-host <adapter>` speaks JSON lines and is of no use
// by hand.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineCommand } from "citty";
import { CLOSE_MS } from "../../adapters/child-process/protocol.ts";
import { hostEngine } from "../../adapters/child-process/host.ts";
import { adapterNamed } from "../../adapters/registry.ts";
import type { TokenAdapter, TokenRequest } from "../../adapters/token-engine.ts";
import { nodeLlamaCppModule } from "../executable/carried-engines.ts";
import { CliError } from "./error.ts";

export default defineCommand({
  args: {
    adapter: { type: "positional", required: true },
    cards: { type: "boolean", description: "Say on one line which graphics cards the library sees, and end" },
    probe: { type: "boolean", description: "Compute a tiny model, say on one line what the library found, and end" },
  },
  async run({ args }) {
    const adapter = await adapterNamed(args.adapter)?.host?.({ nodeLlamaCpp: () => nodeLlamaCppModule(process.env) });
    if (adapter === undefined) throw new CliError(`"${args.adapter}" is not an adapter of an engine process.`, 2);
    // The pipe carries messages alone: what libraries print goes to the log.
    console.log = console.info = console.debug = console.error;
    if (args.cards) {
      const { readGraphicsCards } = await import("../../adapters/node-llama-cpp/graphics-cards.ts");
      return answer(await readGraphicsCards(await nodeLlamaCppModule(process.env)));
    }
    if (args.probe) {
      const { probe } = await import("../../adapters/node-llama-cpp/probe.ts");
      const found = await probe(await nodeLlamaCppModule(process.env));
      await answerOnce(adapter);
      return answer(found);
    }
    // Ctrl-C and service managers reach the whole group; the server decides when its engines go.
    for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => {});
    // A decode that hangs in native code must not outlive the server.
    process.stdin.once("end", () => setTimeout(() => process.exit(1), CLOSE_MS).unref());
    await hostEngine(adapter, process.stdin, (line) => process.stdout.write(line));
    process.exit(0);
  },
});

function answer(found: unknown): void {
  process.stdout.write(`${JSON.stringify(found)}\n`, () => process.exit(0));
}

/** Computes some quantised batches with the model that llama-server is tried with. */
async function answerOnce(adapter: TokenAdapter): Promise<void> {
  const { tinyQuantisedModel } = await import("../../adapters/llama-server/build/tiny-model.ts");
  const folder = await mkdtemp(join(tmpdir(), "ingle-probe-"));
  const { signal } = new AbortController();
  try {
    const path = join(folder, "tiny.gguf");
    await writeFile(path, tinyQuantisedModel());
    const model = { id: "tiny", path, settings: {} };
    const engine = await adapter.load(model, { slots: 1, context: 128 }, signal);
    for await (const _ of engine.generate(REQUEST, signal)); // Its text means nothing.
    await engine.close();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const REQUEST: TokenRequest = {
  prompt: Array.from({ length: 40 }, (_, index) => 3 + index),
  ...{ max_tokens: 4, temperature: 0, top_p: 1, top_k: 0, min_p: 0, seed: 1, repeatable: true, cache_scope: "", stop: [] },
  ...{ repeat_penalty: 1, frequency_penalty: 0, presence_penalty: 0 },
};
