// One generation: its request, the events of the answer, and what its failures mean.
import type { IncomingMessage } from "node:http";
import * as v from "valibot";
import { addAbortListener } from "node:events";
import { AdapterError, type ChatEvent, type ChatRequest } from "../adapter.ts";
import { answerEvents, BrokenAnswer, FailedAnswer } from "../shared/openai-stream/answer-events.ts";
import { readErrorBody } from "../shared/openai-stream/error-body.ts";
import type { ProcessWatchdog } from "../shared/watchdog.ts";
import { toAdapterError, withParam } from "./errors.ts";
import { createTokenEscaper, type Tokenize, TokenPieces } from "./escape-special-tokens.ts";
import type { LlamaServerClient } from "./http-client.ts";
import { type LlamaServerModel, requestBody } from "./request-body.ts";
import { waitForSlot } from "./wait-for-slot.ts";

export interface LlamaServerChatOptions {
  id: string;
  client: LlamaServerClient;
  watchdog: ProcessWatchdog;
  model: LlamaServerModel;
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

export function createChat({ id, client, watchdog, model, cancel_ms, special }: LlamaServerChatOptions): ChatInSlot {
  const escapeTokens = createTokenEscaper(special);
  const running = new Set<object>();

  const sendRequest = async (request: ChatRequest, signal: AbortSignal, use: SlotUse): Promise<IncomingMessage> => {
    const messages = await escapeTokens(request.messages, createTokenizer(client, signal));
    const body = { ...requestBody({ ...request, messages }, model), ...use };
    const response = await client.post("/v1/chat/completions", body, signal);
    watchdog.touch();
    if (response.statusCode !== 200) throw toAdapterError(await readErrorBody({ body: response }), response.statusCode, id);
    if (response.headers["content-type"]?.startsWith("text/event-stream")) return response;
    throw new BrokenAnswer("The answer is not a stream of events.");
  };

  /** The error that the client gets. A server whose answer cannot be read is killed. */
  const errorOf = async (thrown: unknown): Promise<unknown> => {
    if (thrown instanceof AdapterError) return thrown;
    if (thrown instanceof FailedAnswer) return toAdapterError(thrown.body, undefined, id);
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

  return async function* chat(request, signal, use) {
    signal.throwIfAborted();
    if (watchdog.reason !== undefined) throw watchdog.reason;
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
          events ??= answerEvents(await sendRequest(request, stop.signal, use), request.stop);
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
      throw withParam(await errorOf(error), request);
    } finally {
      listener[Symbol.dispose]();
      running.delete(generation);
      stop.abort();
      // A stop string ends a generation before llama-server knows of it.
      if (!finished || request.stop.length > 0) void checkSlotIsFreed();
    }
  };
}

function createTokenizer(client: LlamaServerClient, signal: AbortSignal): Tokenize {
  return async (content, parse_special) => {
    const answer = await client.postJson("/tokenize", { content, parse_special, with_pieces: true }, signal);
    return v.parse(v.object({ tokens: TokenPieces }), answer).tokens;
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
