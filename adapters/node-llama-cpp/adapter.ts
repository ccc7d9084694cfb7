// The embedded engine: llama.cpp through node-llama-cpp, in this process. The server runs it in a child process (child-process/), and makes
// chats of it (shared/chat/).
import { availableParallelism } from "node:os";
import type { Llama, LlamaContext, LlamaModel, Token } from "node-llama-cpp";
import { embeddingSizes } from "../../models/embedding-sizes.ts";
import type { InstalledModel } from "../../models/manifest.ts";
import { writesText } from "../../models/tasks.ts";
import { AdapterError } from "../adapter.ts";
import type { TokenAdapter, TokenEngine, TokenEvent } from "../token-engine.ts";
import { ABOUT } from "./description.ts";
import { addonOf, type Addon } from "./addon.ts";
import { createBatcher, type Batcher } from "./batcher.ts";
import { embed } from "./embed.ts";
import { embedderAtFirstUse, openEmbedder } from "./embedder.ts";
import { embeddingEngine } from "./embedding-engine.ts";
import { generate } from "./generate.ts";
import { contextOptions, modelOptions } from "./load-options.ts";
import { openSavedStates } from "./saved-states.ts";
import { createAllowedTokens } from "./token-tree.ts";
import { createVocabulary } from "./vocabulary.ts";
import { loadFailure } from "../shared/load-failure.ts";
import { modelDigest } from "../shared/kv-cache/weights-digest.ts";

const BATCH = 512;

export type NodeLlamaCppModule = typeof import("node-llama-cpp");

/**
 * Takes the graphics processor where the machine has one that this build knows, else the processor. `importModule` is called at
 * a load: the module is large, and most commands never need it.
 */
export function nodeLlamaCpp(importModule: () => Promise<NodeLlamaCppModule> = () => import("node-llama-cpp")): TokenAdapter {
  return {
    name: ABOUT.name,
    async load(installed, options, signal) {
      const threads = options.threads ?? defaultThreads();
      const printed: string[] = [];
      const llama = await startLlama(await importModule(), threads, (line) => printed.push(line));
      let model: LlamaModel | undefined;
      try {
        // Before the load, so that a change of the file during the load is noticed.
        const saved = options.kv_cache && { kv_cache: options.kv_cache, weights: await modelDigest(installed) };
        model = await llama.loadModel({
          ...(await modelOptions(installed, options)),
          modelPath: installed.path,
          loadSignal: signal,
          onLoadProgress: options.onProgress,
        });
        if (!writesText(installed)) return await embeddingEngine({ llama, model, installed, options, threads }, signal);
        const context = await model.createContext({
          ...contextOptions(installed.adapter_options),
          sequences: options.slots,
          contextSize: Math.min(options.context, model.trainContextSize),
          batchSize: BATCH,
          threads,
          failedCreationRemedy: false,
          createSignal: signal,
        });
        const { swaSize, isRecurrent } = model.fileInsights;
        const trimmable = !isRecurrent && !swaSize;
        const addon = addonOf(llama, model, context);
        const loaded = { installed, llama, model, context, trimmable, batch: BATCH };
        const states = saved && (await openSavedStates(addon.context, { ...loaded, ...saved }));
        const sizes = { slots: options.slots, batch: BATCH, threads };
        const batcher = createBatcher(addon.context, { ...sizes, in_order: hasOnePoolThread(), trimmable, states });
        await batcher.warmUp(model.tokens.bos ?? 0);
        signal.throwIfAborted();
        return engineOf({ llama, model, context, batcher, addon, installed, threads });
      } catch (error) {
        await model?.dispose();
        await llama.dispose();
        signal.throwIfAborted();
        if (error instanceof AdapterError) throw error;
        const { id, path } = installed;
        const lines = [...printed, (error as Error).message];
        throw loadFailure({ id, path, lines, otherwise: "the engine refuses its file" });
      }
    },
  };
}

// Node with one pool thread (`UV_THREADPOOL_SIZE` of the child process) can give every core to the computation. On Bun and Deno the threads
// that carry native jobs compete with those that compute, and one core less is faster (`bench`, rows `1 stream` and `4 streams`).
function defaultThreads(): number {
  const cores = availableParallelism();
  return ON_NODE ? cores : Math.max(1, cores - 1);
}

const ON_NODE = !("Bun" in globalThis || "Deno" in globalThis);

/** Then native calls run in the order in which they are made. */
const hasOnePoolThread = (): boolean => ON_NODE && process.env.UV_THREADPOOL_SIZE === "1";

/** `onError` gets what llama.cpp prints of its failures, as the log does. */
export function startLlama(
  { getLlama, LlamaLogLevel }: NodeLlamaCppModule,
  threads: number,
  onError: (line: string) => void = () => {},
): Promise<Llama> {
  return getLlama({
    gpu: "auto",
    build: "never",
    skipDownload: true,
    progressLogs: false,
    maxThreads: threads,
    logLevel: LlamaLogLevel.error,
    logger: (level, message) => {
      console.error(`llama.cpp ${level}: ${message.trimEnd()}`);
      onError(message.trimEnd());
    },
  });
}

interface OpenedModel {
  llama: Llama;
  model: LlamaModel;
  context: LlamaContext;
  batcher: Batcher;
  addon: Addon;
  installed: InstalledModel;
  threads: number;
}

function engineOf({ llama, model, context, batcher, addon, installed, threads }: OpenedModel): TokenEngine {
  const { totalSequences: slots, contextSize: context_length } = context;
  const { promise: closed, resolve } = Promise.withResolvers<undefined>();
  let closing: Promise<void> | undefined;
  const { adapter_options } = installed;
  const sizes = embeddingSizes(installed, context_length);
  const embedder = embedderAtFirstUse(installed.id, () =>
    openEmbedder(model, { ...sizes, ...{ threads, adapter_options }, ranks: false }),
  );
  const close = async (): Promise<void> => {
    await batcher.close(new AdapterError("engine_unavailable", "The engine was stopped."));
    await embedder.dispose();
    await context.dispose();
    await model.dispose();
    await llama.dispose();
    resolve(undefined);
  };
  const size = model.fileInfo.metadata.tokenizer.ggml.tokens.length;
  const vocabulary = createVocabulary(addon.model, size, (token) => model.detokenize([token as Token], true));
  const detokenize = (tokens: readonly number[]): string => model.detokenize(tokens as Token[]);
  const allowed = createAllowedTokens(addon, vocabulary);
  const loaded = { addon, batcher, vocabulary, allowed, detokenize, slots, context_length };
  return {
    slots,
    context_length,
    longest_input: sizes.longest,
    closed,
    // Scores come where they are asked for alone.
    generate: (request, signal) => generate(loaded, request, signal) as AsyncIterable<TokenEvent>,
    score: (request, signal) => generate(loaded, request, signal),
    embed: (request, signal) => embed({ embedder: embedder.open, work: batcher.side_work }, request, signal),
    close: () => (closing ??= close()),
  };
}
