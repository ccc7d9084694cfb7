// The engine of a model that makes vectors or scores and writes nothing: it has one context, and a text at a time.
import type { Llama, LlamaModel } from "node-llama-cpp";
import { embeddingSizes } from "../../models/embedding-sizes.ts";
import type { InstalledModel } from "../../models/manifest.ts";
import { describeKind, embeddingPooling } from "../../models/tasks.ts";
import { AdapterError } from "../adapter.ts";
import type { LoadOptions } from "../load-options.ts";
import type { TokenEngine } from "../token-engine.ts";
import { embed, rank } from "./embed.ts";
import { openEmbedder } from "./embedder.ts";
import { createSideWork } from "./side-work.ts";

export interface LoadedWeights {
  llama: Llama;
  model: LlamaModel;
  installed: InstalledModel;
  options: LoadOptions;
  threads: number;
}

/** Computes one text at once, so that the first request need not wait for the disk. */
export async function embeddingEngine(
  { llama, model, installed, options, threads }: LoadedWeights,
  signal: AbortSignal,
): Promise<TokenEngine> {
  const context_length = Math.min(options.context, model.trainContextSize);
  const sizes = embeddingSizes(installed, context_length);
  const ranks = embeddingPooling(installed) === "rank";
  const { adapter_options } = installed;
  const embedder = await openEmbedder(model, { ...sizes, threads, ranks, adapter_options }, signal);
  await embedder.compute([model.tokens.bos ?? 0], signal);
  const { promise: closed, resolve } = Promise.withResolvers<undefined>();
  let working: Promise<void> | undefined;
  let closing: Promise<void> | undefined;
  const work = createSideWork(() => (working ??= Promise.resolve().then(doAll)));
  const doAll = async (): Promise<void> => {
    while (work.isPending()) await work.next();
    working = undefined;
  };
  const close = async (): Promise<void> => {
    work.close(new AdapterError("engine_unavailable", "The engine was stopped."));
    await working;
    await embedder.dispose();
    await model.dispose();
    await llama.dispose();
    resolve(undefined);
  };
  const parts = { embedder: async () => embedder, work };
  return {
    ...{ slots: options.slots, context_length, longest_input: sizes.longest, closed },
    async *generate() {
      const message = `"${installed.id}" is ${describeKind(installed)}: it writes no text.`;
      yield Promise.reject(new AdapterError("request_unsupported", message, { param: "model" }));
    },
    ...(ranks
      ? { rank: (request, signal) => rank(parts, request, signal) }
      : { embed: (request, signal) => embed(parts, request, signal) }),
    close: () => (closing ??= close()),
  };
}
