// An adapter without weights, which answers with the last message, word by word: for tests, first steps, and benchmarks of everything but
// the model.
import { setTimeout as pause } from "node:timers/promises";
import { AdapterError, type Adapter, type ChatEvent, type ChatRequest } from "./adapter.ts";
import { contextExceeded } from "./shared/context-exceeded.ts";
import { continuedMessage } from "./shared/continued-message.ts";
import { textOf } from "./shared/message-text.ts";
import { stopFilter } from "./shared/stop-filter.ts";

/** `token_ms`: how long each word takes, in milliseconds. */
export function echo({ token_ms = 0 } = {}): Adapter {
  return {
    name: "echo",
    capabilities: () => [],
    async load(_model, { slots, context }, signal) {
      signal.throwIfAborted();
      const closing = new AbortController();
      const closed = Promise.withResolvers<undefined>();
      return {
        slots,
        context_length: context,
        closed: closed.promise,
        chat: (request, signal) => answer(request, AbortSignal.any([signal, closing.signal]), context, token_ms),
        async close() {
          closing.abort(new AdapterError("engine_unavailable", "The engine was stopped."));
          closed.resolve(undefined);
        },
      };
    },
  };
}

async function* answer(request: ChatRequest, signal: AbortSignal, context: number, token_ms: number): AsyncGenerator<ChatEvent> {
  const prompt_tokens = request.messages.reduce((sum, { content }) => sum + wordsOf(textOf(content)).length, 0);
  if (prompt_tokens >= context) throw contextExceeded({ n_prompt_tokens: prompt_tokens, n_ctx: context });
  const max_tokens = Math.min(request.max_tokens, context - prompt_tokens);
  // An answer that goes on with the last message does not say it again.
  const last = request.messages.at(continuedMessage(request) === undefined ? -1 : -2);
  const words = wordsOf(textOf(last?.content ?? ""));
  const stops = stopFilter(request.stop);
  let completion_tokens = 0;
  let stopped = false;
  for (const word of words.slice(0, max_tokens)) {
    // Even a pause of 0 ms lets an abort arrive between two words.
    await pause(token_ms);
    signal.throwIfAborted();
    completion_tokens++;
    const piece = stops.push(word);
    if (piece.text !== "") yield { type: "text", text: piece.text };
    stopped = piece.stopped;
    if (stopped) break;
  }
  const held_back = stops.rest();
  if (held_back !== "") yield { type: "text", text: held_back };
  const reason = !stopped && words.length > max_tokens ? "length" : "stop";
  yield { type: "finish", reason, usage: { prompt_tokens, completion_tokens, cached_tokens: 0 } };
}

/** Words, each with the white space before it. */
const wordsOf = (text: string): string[] => text.match(/\s*\S+|\s+$/g) ?? [];
