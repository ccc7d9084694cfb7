// One request: sent to a server, and to further ones as long as nothing of an answer has been received.
import type { RoutedConversation } from "./affinity.ts";
import { failureOfError, type ServerFailure, type UpstreamTarget } from "./errors.ts";
import type { PoolServer, ServerPool } from "./server-pool.ts";
import type { UpstreamConfig } from "./upstream-config.ts";

/** Servers that may break over one request: what kills two of them is not sent to a third. */
const MAX_BROKEN = 2;

export interface ServerRequest<Event> {
  conversation: RoutedConversation;
  /** The body. */
  fields: Record<string, unknown>;
  /** Sends the body, as JSON, to this server. Throws as `sendRequest`, and `ServerFailure`. */
  send(server: PoolServer, target: UpstreamTarget, body: string): AsyncIterable<Event>;
}

/** Runs on the first server that begins to answer. Throws `AdapterError` and the signal's reason. */
export async function* tryServers<Event>(
  config: UpstreamConfig,
  pool: ServerPool,
  { conversation, fields, send }: ServerRequest<Event>,
  signal: AbortSignal,
): AsyncGenerator<Event> {
  signal.throwIfAborted();
  let body = JSON.stringify(fields);
  let bounded = false;
  const failures = new Map<PoolServer, ServerFailure>();
  for (;;) {
    const server = await acquireServer(pool, conversation, failures, signal);
    const target = { ...config.targetOf(server), fields: Object.keys(fields) };
    let begun = false;
    try {
      for await (const event of send(server, target, body)) {
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
