// One generation: its request, the events of the answer, and what its failures mean.
import { addAbortListener } from "node:events";
import { AdapterError, type ChatEvent, type ChatRequest } from "../adapter.ts";
import { answerEvents, BrokenAnswer, FailedAnswer } from "../shared/openai-stream/answer-events.ts";
import type { ModelPrompts, Prompt } from "../prompts.ts";
import { readErrorBody } from "../shared/openai-stream/error-body.ts";
import type { ProcessWatchdog } from "../shared/watchdog.ts";
import { parseRanking, rankingBody, withAllLogprobs } from "./all-logprobs.ts";
import { toAdapterError } from "./errors.ts";
import type { LlamaServerClient } from "./http-client.ts";
import { checkedRequest, type LlamaServerModel } from "./request-body.ts";
import { createRoutes, withoutImages } from "./routes.ts";
import { createTokenReports } from "./token-reports.ts";
import { waitForSlot } from "./wait-for-slot.ts";

export interface LlamaServerChatOptions {
  id: string;
  client: LlamaServerClient;
  watchdog: ProcessWatchdog;
  model: LlamaServerModel;
  prompts: ModelPrompts;
  /** In ms: how long a slot may go on working for a client that has left. */
  cancel_ms: number;
  /** Texts of special tokens, which stay plain text in messages. */
  special: ReadonlySet<string>;
}

/** Which slot a generation takes, and whether what that holds is compared with the prompt; in llama-server's words. */
export interface SlotUse {
  id_slot: number;
  cache_prompt: boolean;
}

export type ChatInSlot = (request: ChatRequest, signal: AbortSignal, use: SlotUse) => AsyncGenerator<ChatEvent>;

export function createChat(options: LlamaServerChatOptions): ChatInSlot {
  const { id, client, watchdog, model, prompts, cancel_ms, special } = options;
  const route = createRoutes({ client, model, template: prompts.template, special });
  const running = new Set<object>();

  const answerTo = async (request: ChatRequest, prompt: Prompt, signal: AbortSignal, use: SlotUse) => {
    const { path, body, format, tokens } = await route(request, prompt, signal);
    const response = await client.post(path, { ...body, ...use }, signal);
    watchdog.touch();
    if (response.statusCode !== 200) throw new FailedAnswer(await readErrorBody({ body: response }), response.statusCode);
    if (!response.headers["content-type"]?.startsWith("text/event-stream"))
      throw new BrokenAnswer("The answer is not a stream of events.");
    if (request.logprobs === undefined || tokens === undefined) return answerEvents(response, request.stop, format);
    const reports = createTokenReports(format);
    const ask = async (answer: number[], count: number) => {
      const ranking = { ...rankingBody([...tokens, ...answer], count), id_slot: use.id_slot };
      return parseRanking(await client.postJson("/completion", ranking, signal));
    };
    const all = { reports, ask, vocab_size: model.vocab_size, touch: watchdog.touch };
    return withAllLogprobs(answerEvents(response, request.stop, reports.format), all);
  };

  /** The error that the client gets. A server whose answer cannot be read is killed. */
  const errorOf = async (thrown: unknown, request: ChatRequest): Promise<unknown> => {
    if (thrown instanceof AdapterError) return thrown;
    if (thrown instanceof FailedAnswer) return toAdapterError(thrown.body, thrown.status, request, id);
    // The connection breaks a moment before the end of the process is known.
    await Promise.race([watchdog.closed, new Promise((done) => setTimeout(done, 500))]);
    const what = thrown instanceof BrokenAnswer ? "spoke nonsense" : "broke off the connection";
    watchdog.kill(new AdapterError("engine_crashed", `The engine of model "${id}" ${what} and was stopped. Ask again.`));
    return watchdog.reason;
  };

  const checkSlotIsFreed = async (): Promise<void> => {
    if (watchdog.reason !== undefined) return;
    if (await waitForSlot(client, running, cancel_ms, watchdog.gone).catch(() => true)) return;
    const message = `The engine of model "${id}" went on with a generation that was given up, and was stopped.`;
    watchdog.kill(new AdapterError("engine_crashed", message));
  };

  return async function* chat(asked, signal, use) {
    signal.throwIfAborted();
    if (watchdog.reason !== undefined) throw watchdog.reason;
    const request = checkedRequest(asked, model);
    const prompt = await prompts.render(withoutImages(request), model.context_length, signal);
    // A grammar that ends its reader, or holds it up, would take all answers of the model with it.
    if (request.grammar !== undefined) await prompts.tryGrammar(request.grammar, signal);
    const generation = {};
    const stop = new AbortController();
    const listener = addAbortListener(signal, () => stop.abort());
    running.add(generation);
    let events: AsyncGenerator<ChatEvent, void, undefined> | undefined;
    let finished = false;
    try {
      while (!finished) {
        watchdog.beginWait();
        let next: IteratorResult<ChatEvent, void>;
        try {
          events ??= await answerTo(request, prompt, stop.signal, use);
          next = await events.next();
          watchdog.touch();
        } finally {
          watchdog.endWait();
        }
        // Several events may have come at once, before the signal or the end of the process.
        signal.throwIfAborted();
        if (watchdog.reason !== undefined) throw watchdog.reason;
        if (next.done) break;
        finished = next.value.type === "finish";
        yield trimLogprobs(next.value, request);
      }
    } catch (error) {
      signal.throwIfAborted();
      throw await errorOf(error, request);
    } finally {
      listener[Symbol.dispose]();
      running.delete(generation);
      stop.abort();
      // A stop string ends a generation before llama-server knows of it.
      if (!finished || request.stop.length > 0) void checkSlotIsFreed();
    }
  };
}

/** Cuts the rivals of each token down to `logprobs.top`: request-body.ts asks llama-server for one at least. */
function trimLogprobs(event: ChatEvent, { logprobs }: ChatRequest): ChatEvent {
  if (event.type !== "text" || event.logprobs === undefined || logprobs === undefined) return event;
  return {
    ...event,
    logprobs: event.logprobs.map((token) => ({ ...token, top_logprobs: token.top_logprobs?.slice(0, logprobs.top) ?? [] })),
  };
}
