// One generation: requested from a server, and from further ones as long as the client has received nothing of an answer.
import type { ChatEvent, ChatRequest } from "../adapter.ts";
import { answerEvents, BrokenAnswer, wholeAnswerEvents } from "../shared/openai-stream/answer-events.ts";
import { readErrorBody } from "../shared/openai-stream/error-body.ts";
import { type RoutedConversation, routedConversation } from "./affinity.ts";
import { failureOfError, publicMessageOf, ServerFailure, statusFailure, type UpstreamTarget } from "./errors.ts";
import { sendRequest } from "./http-request.ts";
import { upstreamBody } from "./request-body.ts";
import type { PoolServer, ServerPool } from "./server-pool.ts";
import type { UpstreamConfig } from "./upstream-config.ts";

/** Servers that may break over one request: what kills two of them is not sent to a third. */
const MAX_BROKEN = 2;

/** Runs on the first server that begins to answer. Throws `AdapterError` and the signal's reason. */
export async function* generate(
  config: UpstreamConfig,
  pool: ServerPool,
  request: ChatRequest,
  signal: AbortSignal,
): AsyncGenerator<ChatEvent> {
  signal.throwIfAborted();
  const conversation = routedConversation(request.messages);
  const fields = upstreamBody(request, config.model);
  const count = request.choices?.count ?? 1;
  let body = JSON.stringify(fields);
  let bounded = false;
  const failures = new Map<PoolServer, ServerFailure>();
  for (;;) {
    const server = await acquireServer(pool, conversation, failures, signal);
    const target = { ...config.targetOf(server), fields: Object.keys(fields) };
    let begun = false;
    try {
      for await (const event of requestAnswer(config, server, target, { body, count }, signal)) {
        if (!begun) pool.answered(server, conversation);
        begun = true;
        yield event;
      }
      return;
    } catch (error) {
      signal.throwIfAborted();
      const failure = failureOfError(target, error);
      pool.failed(server, failure);
      const fitting = begun || bounded ? undefined : maxTokensThatFit(fields.max_tokens, failure);
      if (fitting !== undefined) {
        bounded = true;
        body = JSON.stringify({ ...fields, max_tokens: fitting });
        continue;
      }
      if (begun || failure.verdict === "request") throw failure;
      failures.set(server, failure);
    } finally {
      pool.release(server);
    }
  }
}

/**
 * Tokens for an answer whose prompt fits, where a server refuses it for the tokens that the answer may have: with every other engine the context
 * bounds them. Undefined for all other failures.
 */
function maxTokensThatFit(max_tokens: unknown, { context }: ServerFailure): number | undefined {
  if (context?.n_prompt_tokens === undefined || typeof max_tokens !== "number") return undefined;
  const left = context.n_ctx - context.n_prompt_tokens;
  return left > 0 && left < max_tokens ? left : undefined;
}

/** The server for the next try. Where no further one may be tried, throws the failure that the client gets. */
async function acquireServer(
  pool: ServerPool,
  conversation: RoutedConversation,
  failures: Map<PoolServer, ServerFailure>,
  signal: AbortSignal,
): Promise<PoolServer> {
  const all = [...failures.values()];
  const broken = all.filter(({ verdict }) => verdict === "broken").length;
  // A request that was only declined does no harm to servers that are set aside, and one of them may be back.
  const set_aside_too = all.every(({ verdict }) => verdict === "declined");
  const tried = new Set(failures.keys());
  const server = broken < MAX_BROKEN ? await pool.acquire(conversation, tried, set_aside_too, signal) : undefined;
  if (server !== undefined) return server;
  // A busy server makes another try of the client sensible, whatever became of the others.
  throw all.find(({ verdict }) => verdict === "busy") ?? all.at(-1)!;
}

async function* requestAnswer(
  { key, timeouts, proxies }: UpstreamConfig,
  server: PoolServer,
  target: UpstreamTarget,
  { body, count }: { body: string; count: number },
  signal: AbortSignal,
): AsyncGenerator<ChatEvent> {
  const response = await sendRequest({ url: `${server.url}/chat/completions`, body, key, timeouts, proxies, signal });
  try {
    const { status, headers } = response;
    if (status !== 200) throw statusFailure(target, status, headers, await readErrorBody(response));
    const type = headers["content-type"] ?? "";
    if (/^text\/event-stream\b/i.test(type)) yield* allChoices(answerEvents(response.body, [], count), count, target);
    else if (/^application\/json\b/i.test(type)) yield* allChoices(wholeAnswerEvents(response.body, count), count, target);
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
