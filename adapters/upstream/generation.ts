// One generation of a chat or a completion, from the servers of a model.
import type { ChatEvent, ChatRequest } from "../adapter.ts";
import type { CompletionRequest } from "../completion.ts";
import {
  answerEvents,
  type AnswerForm,
  BrokenAnswer,
  CHAT_ANSWER,
  wholeAnswerEvents,
} from "../shared/openai-stream/answer-events.ts";
import { COMPLETION_ANSWER } from "../shared/openai-stream/completion-answer.ts";
import { readErrorBody } from "../shared/openai-stream/error-body.ts";
import { routedConversation, routedPrompt } from "./affinity.ts";
import { publicMessageOf, ServerFailure, statusFailure, type UpstreamTarget } from "./errors.ts";
import { sendRequest } from "./http-request.ts";
import { upstreamBody, upstreamCompletionBody } from "./request-body.ts";
import type { PoolServer, ServerPool } from "./server-pool.ts";
import { tryServers } from "./try-servers.ts";
import type { UpstreamConfig } from "./upstream-config.ts";

/** Runs on the first server that begins to answer. Throws `AdapterError` and the signal's reason. */
export function generateChat(
  config: UpstreamConfig,
  pool: ServerPool,
  request: ChatRequest,
  signal: AbortSignal,
): AsyncGenerator<ChatEvent> {
  const route = { path: "/chat/completions", form: CHAT_ANSWER, count: request.choices?.count ?? 1 };
  return tryServers(
    config,
    pool,
    {
      conversation: routedConversation(request.messages),
      fields: upstreamBody(request, config.model),
      send: (server, target, body) => requestAnswer(config, server, target, { ...route, body }, signal),
    },
    signal,
  );
}

/** The same for a completion. */
export function generateCompletion(
  config: UpstreamConfig,
  pool: ServerPool,
  request: CompletionRequest,
  signal: AbortSignal,
): AsyncGenerator<ChatEvent> {
  const route = { path: "/completions", form: COMPLETION_ANSWER, count: request.choices?.count ?? 1 };
  return tryServers(
    config,
    pool,
    {
      conversation: routedPrompt(request.prompt),
      fields: upstreamCompletionBody(request, config.model),
      send: (server, target, body) => requestAnswer(config, server, target, { ...route, body }, signal),
    },
    signal,
  );
}

async function* requestAnswer(
  { key, timeouts, proxies }: UpstreamConfig,
  server: PoolServer,
  target: UpstreamTarget,
  { path, form, body, count }: { path: string; form: AnswerForm; body: string; count: number },
  signal: AbortSignal,
): AsyncGenerator<ChatEvent> {
  const response = await sendRequest({ url: server.url + path, body, key, timeouts, proxies, signal });
  try {
    const { status, headers } = response;
    if (status !== 200) throw statusFailure(target, status, headers, await readErrorBody(response));
    const type = headers["content-type"] ?? "";
    if (/^text\/event-stream\b/i.test(type)) yield* allChoices(answerEvents(response.body, { form, count }), count, target);
    else if (/^application\/json\b/i.test(type))
      yield* allChoices(wholeAnswerEvents(response.body, { form, count }), count, target);
    else {
      const what = type === "" ? "of no type" : JSON.stringify(type.slice(0, 100));
      throw new BrokenAnswer(`It is ${what} instead of an event stream.`);
    }
  } finally {
    response.close();
  }
}

/** Throws where fewer choices came than were asked for: some servers do not know `n`, and do not say so. */
function allChoices(events: AsyncIterable<ChatEvent>, count: number, target: UpstreamTarget): AsyncIterable<ChatEvent> {
  return count === 1 ? events : countedChoices(events, count, target);
}

async function* countedChoices(
  events: AsyncIterable<ChatEvent>,
  count: number,
  { host }: UpstreamTarget,
): AsyncGenerator<ChatEvent> {
  for await (const event of events) {
    const come = event.type === "finish" ? 1 + (event.further?.length ?? 0) : count;
    if (come < count) {
      const what = `gave ${come} of ${count} answers. Leave out "n"`;
      const options = { param: "n", public_message: publicMessageOf(what) };
      throw new ServerFailure("request", "request_unsupported", `${host} ${what}.`, options);
    }
    yield event;
  }
}
