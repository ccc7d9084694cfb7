// The embedded engine: llama.cpp through node-llama-cpp, in this process. The server runs it in a child process (child-process/), and makes
// chats of it (shared/chat/).
import { addAbortListener } from "node:events";
import { availableParallelism } from "node:os";
import type { Llama, LlamaContext, LlamaModel, Token } from "node-llama-cpp";
import { AdapterError } from "../adapter.ts";
import type { TokenAdapter, TokenEngine, TokenEvent, TokenRequest } from "../token-engine.ts";
import { ABOUT } from "./description.ts";
import { addonOf, type SamplerConfig } from "./addon.ts";
import { createBatcher, type Batcher } from "./batcher.ts";
import { openSavedStates } from "./saved-states.ts";
import { createTokenDecoder } from "./token-decoder.ts";
import { channel } from "../shared/channel.ts";
import { contextExceeded } from "../shared/context-exceeded.ts";
import { loadFailure } from "../shared/load-failure.ts";
import { weightsDigest } from "../shared/kv-cache/weights-digest.ts";
import { stopFilter } from "../shared/stop-filter.ts";

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
        const saved = options.kv_cache && { kv_cache: options.kv_cache, weights: await weightsDigest(installed.path) };
        model = await llama.loadModel({ modelPath: installed.path, loadSignal: signal, onLoadProgress: options.onProgress });
        const context = await model.createContext({
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
        const batcher = createBatcher(addon, { slots: options.slots, batch: BATCH, threads, trimmable, states });
        await batcher.warmUp(model.tokens.bos ?? 0);
        signal.throwIfAborted();
        return engineOf(llama, { model, context, batcher });
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
  return "Bun" in globalThis || "Deno" in globalThis ? Math.max(1, cores - 1) : cores;
}

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

interface LoadedModel {
  model: LlamaModel;
  context: LlamaContext;
  batcher: Batcher;
}

function engineOf(llama: Llama, loaded: LoadedModel): TokenEngine {
  const { model, context, batcher } = loaded;
  const { promise: closed, resolve } = Promise.withResolvers<undefined>();
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await batcher.close(new AdapterError("engine_unavailable", "The engine was stopped."));
    await context.dispose();
    await model.dispose();
    await llama.dispose();
    resolve(undefined);
  };
  return {
    slots: context.totalSequences,
    context_length: context.contextSize,
    closed,
    generate: (request, signal) => generate(loaded, request, signal),
    close: () => (closing ??= close()),
  };
}

async function* generate(loaded: LoadedModel, request: TokenRequest, signal: AbortSignal): AsyncGenerator<TokenEvent> {
  signal.throwIfAborted();
  const { model, batcher } = loaded;
  const context_length = loaded.context.contextSize;
  const tokens = request.prompt as Token[];
  // llama.cpp needs one position for itself, and an answer one at least.
  const max_tokens = Math.min(request.max_tokens, context_length - 1 - tokens.length);
  if (max_tokens < 1) throw contextExceeded({ n_prompt_tokens: tokens.length, n_ctx: context_length });
  const received = channel<{ read: number } | { token: number }>();
  let sampled = 0;
  let cached_tokens = 0;
  let slot = 0;
  const stop = batcher.start({
    prompt: tokens,
    sampling: samplerConfig(request, max_tokens),
    repeatable: request.repeatable,
    reuses: request.cache_prompt !== false,
    scope: request.cache_scope,
    onPrompt: (read) => received.push({ read }),
    onToken(token, { cached, sequence }) {
      [cached_tokens, slot] = [cached, sequence];
      received.push({ token });
      return ++sampled < max_tokens && !model.isEogToken(token as Token);
    },
    onError: received.fail,
  });
  const abort_listener = addAbortListener(signal, () => received.fail(signal.reason));
  try {
    const text = answerText(model, tokens, request);
    let completion_tokens = 0;
    let reason: "stop" | "length" | undefined;
    let stopped_by: string | undefined;
    while (reason === undefined) {
      const next = await received.take();
      if ("read" in next) {
        yield { type: "prompt", read: next.read, total: tokens.length };
        continue;
      }
      completion_tokens++;
      const { piece, ended, by } = text.push(next.token as Token);
      stopped_by = by;
      if (ended) reason = "stop";
      else if (completion_tokens === max_tokens) reason = "length";
      const all = reason === "length" ? piece + text.flush() : piece;
      if (all !== "") yield { type: "text", text: all, ...(request.report_tokens && { count: completion_tokens }) };
    }
    stop();
    const usage = { prompt_tokens: tokens.length, completion_tokens, cached_tokens };
    yield { type: "finish", reason, ...(stopped_by !== undefined && { stopped_by }), slot, usage };
  } finally {
    stop();
    abort_listener[Symbol.dispose]();
  }
}

function answerText(model: LlamaModel, prompt: readonly Token[], { stop, thoughts }: TokenRequest) {
  const decoder = createTokenDecoder((tokens) => model.detokenize(tokens as Token[]), prompt);
  const stops = stopFilter(stop, thoughts);
  return {
    /** `ended`: the model or a stop string has ended the answer. */
    push(token: Token): { piece: string; ended: boolean; by?: string | undefined } {
      if (!model.isEogToken(token)) {
        const { text, stopped, stopped_by: by } = stops.push(decoder.push(token));
        return { piece: text, ended: stopped, by };
      }
      const { text, stopped, stopped_by: by } = stops.push(decoder.flush());
      return { piece: stopped ? text : text + stops.rest(), ended: true, by };
    },
    /** Text that could have begun a stop string. A character that the length limit has cut in half is left out: every text is whole. */
    flush: stops.rest,
  };
}

function samplerConfig(request: TokenRequest, max_tokens: number): SamplerConfig {
  return {
    // top_p 0 keeps the likeliest token alone, which is what greedy is.
    temperature: request.top_p === 0 ? 0 : request.temperature,
    topK: request.top_k,
    topP: request.top_p,
    minP: request.min_p,
    seed: request.seed,
    repeatPenalty: request.repeat_penalty,
    repeatPenaltyFrequencyPenalty: request.frequency_penalty,
    repeatPenaltyPresencePenalty: request.presence_penalty,
    repeatPenaltyTokens: new Uint32Array(),
    repeatPenaltyMaxTokens: max_tokens,
  };
}
