// An adapter without weights, which answers with the last message or the prompt, word by word: for tests, first steps, and benchmarks of
// everything but the model.
import { setTimeout as pause } from "node:timers/promises";
import { LRUCache } from "lru-cache";
import {
  AdapterError,
  type Adapter,
  type ChatEvent,
  type ChatMessage,
  type ChatRequest,
  type Engine,
  type WeighEvent,
  type WeighRequest,
} from "./adapter.ts";
import type { EmbedEvent, EmbedRequest, RerankEvent, RerankRequest } from "./embedding.ts";
import { textUsage } from "./shared/embeddings/text-usage.ts";
import { refuseManyTokens } from "./shared/embeddings/too-long.ts";
import { normalize } from "./shared/embeddings/vector.ts";
import { contextExceeded } from "./shared/context-exceeded.ts";
import { continuedMessage } from "./shared/continued-message.ts";
import { textOf } from "./shared/message-text.ts";
import { stopFilter } from "./shared/stop-filter.ts";

/** `token_ms`: how long each word takes, in milliseconds. */
export function echo({ token_ms = 0 } = {}): Adapter {
  return {
    name: "echo",
    capabilities: () => ["decisions"],
    async load(_model, { slots, context }, signal) {
      signal.throwIfAborted();
      const closing = new AbortController();
      const closed = Promise.withResolvers<undefined>();
      const vocabulary = createVocabulary();
      const engine: Engine = {
        slots,
        context_length: context,
        closed: closed.promise,
        chat(request, signal) {
          // An answer that goes on with the last message does not say it again.
          const last = request.messages.at(continuedMessage(request) === undefined ? -1 : -2);
          const said = { words: wordsOf(textOf(last?.content ?? "")), prompt_tokens: countOf(request), context, token_ms };
          return answer(request, said, AbortSignal.any([signal, closing.signal]));
        },
        async *complete(request, signal) {
          const { prompt } = request;
          const words =
            typeof prompt === "string" ? wordsOf(prompt) : prompt.map((token, i) => vocabulary.word(token, `prompt[${i}]`));
          const said = { words, prompt_tokens: words.length, context, token_ms };
          yield* answer(request, said, AbortSignal.any([signal, closing.signal]));
        },
        async tokenize(text, _options, signal) {
          signal.throwIfAborted();
          return wordsOf(text).map(vocabulary.token);
        },
        async detokenize(tokens, signal) {
          signal.throwIfAborted();
          return tokens.map((token, i) => vocabulary.word(token, `tokens[${i}]`)).join("");
        },
        async tokenBytes(tokens, signal) {
          signal.throwIfAborted();
          return tokens.map((token, i) => [...Buffer.from(vocabulary.word(token, `tokens[${i}]`))]);
        },
        async tokenizeChat({ messages }, signal) {
          signal.throwIfAborted();
          return messages.flatMap(({ content }) => wordsOf(textOf(content)).map(vocabulary.token));
        },
        async count(request, signal) {
          signal.throwIfAborted();
          return countOf(request);
        },
        async render({ messages }, signal) {
          signal.throwIfAborted();
          return messages.map(({ content }) => textOf(content)).join("\n");
        },
        embed: (request, signal) => embed(request, { context, token_ms, vocabulary }, AbortSignal.any([signal, closing.signal])),
        rerank: (request, signal) => rerank(request, { context, token_ms }, AbortSignal.any([signal, closing.signal])),
        weigh: (request, signal) => weigh(request, { context, token_ms }, AbortSignal.any([signal, closing.signal])),
        async close() {
          closing.abort(new AdapterError("engine_unavailable", "The engine was stopped."));
          closed.resolve(undefined);
        },
      };
      return engine;
    },
  };
}

interface Said {
  words: string[];
  prompt_tokens: number;
  context: number;
  token_ms: number;
}

async function* answer(
  request: Pick<ChatRequest, "max_tokens" | "stop">,
  { words, prompt_tokens, context, token_ms }: Said,
  signal: AbortSignal,
): AsyncGenerator<ChatEvent> {
  if (prompt_tokens >= context) throw contextExceeded({ n_prompt_tokens: prompt_tokens, n_ctx: context });
  const max_tokens = Math.min(request.max_tokens, context - prompt_tokens);
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

/** No answer is likelier than another one: the echo does not know what they mean. */
async function* weigh(
  { messages, questions }: WeighRequest,
  { context, token_ms }: Pick<Said, "context" | "token_ms">,
  signal: AbortSignal,
): AsyncGenerator<WeighEvent> {
  const input_tokens = countOf({ messages });
  let prompt_tokens = input_tokens;
  for (const { content, answers } of questions) {
    await pause(token_ms);
    signal.throwIfAborted();
    const tokens = countOf({ messages: [{ content }] });
    if (input_tokens + tokens >= context) throw contextExceeded({ n_prompt_tokens: input_tokens + tokens, n_ctx: context });
    prompt_tokens += tokens;
    yield { type: "answer", probabilities: answers.map(() => 1 / answers.length) };
  }
  yield { type: "finish", usage: { prompt_tokens, completion_tokens: 0, cached_tokens: 0 } };
}

/** Texts with the same words have the same vector. */
async function* embed(
  { inputs, dimensions = VECTOR_LENGTH }: EmbedRequest,
  { context, token_ms, vocabulary }: Pick<Said, "context" | "token_ms"> & { vocabulary: ReturnType<typeof createVocabulary> },
  signal: AbortSignal,
): AsyncGenerator<EmbedEvent> {
  let read = 0;
  for (const [index, input] of inputs.entries()) {
    const param = `input[${index}]`;
    const words =
      typeof input === "string" ? wordsOf(input) : input.map((token, at) => vocabulary.word(token, `${param}[${at}]`));
    if (typeof input === "string") for (const word of words) vocabulary.token(word);
    refuseManyTokens(words.length, { longest: context, param });
    await pause(token_ms);
    signal.throwIfAborted();
    read += words.length;
    const counts = new Float32Array(VECTOR_LENGTH);
    for (const word of words)
      for (const [at, code] of [...word.trim()].entries()) counts[(code.codePointAt(0)! + at) % VECTOR_LENGTH]!++;
    yield { type: "embedding", index, vector: normalize(counts.subarray(0, dimensions))! };
  }
  yield { type: "finish", usage: textUsage(read) };
}

const VECTOR_LENGTH = 16;

/** A document's score is the part of the query's words that it has. */
async function* rerank(
  { query, documents }: RerankRequest,
  { context, token_ms }: Pick<Said, "context" | "token_ms">,
  signal: AbortSignal,
): AsyncGenerator<RerankEvent> {
  const asked = wordsOf(query).map((word) => word.trim());
  let read = 0;
  for (const [index, document] of documents.entries()) {
    const words = wordsOf(document).map((word) => word.trim());
    refuseManyTokens(words.length + asked.length, { longest: context, param: `documents[${index}]`, with: " with the query" });
    await pause(token_ms);
    signal.throwIfAborted();
    read += asked.length + words.length;
    yield { type: "score", index, score: asked.filter((word) => words.includes(word)).length / Math.max(1, asked.length) };
  }
  yield { type: "finish", usage: textUsage(read) };
}

function countOf({ messages }: { messages: readonly Pick<ChatMessage, "content">[] }): number {
  return messages.reduce((sum, { content }) => sum + wordsOf(textOf(content)).length, 0);
}

/** Words are tokens from when they are first seen: the latest of them, so that the memory is bounded. */
const MOST_WORDS = 65_536;

function createVocabulary() {
  const words = new LRUCache<number, string>({ max: MOST_WORDS, dispose: (word) => void tokens.delete(word) });
  const tokens = new Map<string, number>();
  let next = 0;
  return {
    token(word: string): number {
      const token = tokens.get(word) ?? next++;
      tokens.set(word, token);
      words.set(token, word);
      return token;
    },
    /** Throws `AdapterError` `request_refused`. `param`: of the token. */
    word(token: number, param: string): string {
      const word = words.get(token);
      if (word !== undefined) return word;
      throw new AdapterError("request_refused", `"${param}" is ${token}, which stands for no word so far.`, { param });
    },
  };
}

/** Words, each with the white space before it. */
const wordsOf = (text: string): string[] => text.match(/\s*\S+|\s+$/g) ?? [];
