// What is asked of the prompt alone, without an answer to it: its tokens, their number, and its text. llama-server and ingle have these calls at
// the same addresses, vLLM most of them, and OpenAI's API none.
import * as v from "valibot";
import type { Engine } from "../adapter.ts";
import { BrokenAnswer } from "../shared/openai-stream/answer-events.ts";
import { readErrorBody, readText } from "../shared/openai-stream/error-body.ts";
import { failureOfError, publicMessageOf, ServerFailure, statusFailure, type UpstreamTarget } from "./errors.ts";
import { sendRequest } from "./http-request.ts";
import { upstreamBody } from "./request-body.ts";
import type { PoolServer, ServerPool } from "./server-pool.ts";
import type { UpstreamConfig } from "./upstream-config.ts";

type PromptCalls = Required<Pick<Engine, "tokenize" | "detokenize" | "count" | "render">>;

const Count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const Tokens = v.object({ tokens: v.array(Count) });
/** llama-server's and ingle's, and vLLM's. */
const Text = v.union([v.object({ content: v.string() }), v.object({ prompt: v.string() })]);
const Counted = v.union([v.object({ input_tokens: Count }), v.object({ count: Count })]);
const Rendered = v.object({ prompt: v.string() });

/** In characters. */
const MAX_ANSWER = 64 * 1024 * 1024;

interface PromptCall<Schema extends v.GenericSchema> {
  /** Below the address of the API, or beside its /v1. Where a server has none at the first, the next one is asked. */
  paths: readonly string[];
  body: Record<string, unknown>;
  answer: Schema;
}

export function createPromptCalls(config: UpstreamConfig, pool: ServerPool, closing: AbortSignal): PromptCalls {
  const { model } = config;
  const ask = <Schema extends v.GenericSchema>(call: PromptCall<Schema>, signal: AbortSignal) =>
    askServers(config, pool, call, AbortSignal.any([signal, closing]));
  return {
    async tokenize(text, { add_special, parse_special }, signal) {
      const body = { model, content: text, prompt: text, add_special, parse_special, add_special_tokens: add_special };
      return (await ask({ paths: ["../tokenize"], body, answer: Tokens }, signal)).tokens;
    },
    async detokenize(tokens, signal) {
      const answer = await ask({ paths: ["../detokenize"], body: { model, tokens }, answer: Text }, signal);
      return "content" in answer ? answer.content : answer.prompt;
    },
    async count(request, signal) {
      const { stream: _, stream_options: __, ...body } = upstreamBody(request, model);
      const answer = await ask({ paths: ["/chat/completions/input_tokens", "../tokenize"], body, answer: Counted }, signal);
      return "input_tokens" in answer ? answer.input_tokens : answer.count;
    },
    async render(request, signal) {
      const { stream: _, stream_options: __, ...body } = upstreamBody(request, model);
      return (await ask({ paths: ["../apply-template"], body, answer: Rendered }, signal)).prompt;
    },
  };
}

/** Asks one server after the other until one answers. Throws `AdapterError` and the signal's reason. */
async function askServers<Schema extends v.GenericSchema>(
  config: UpstreamConfig,
  pool: ServerPool,
  call: PromptCall<Schema>,
  signal: AbortSignal,
): Promise<v.InferOutput<Schema>> {
  signal.throwIfAborted();
  const tried = new Set<PoolServer>();
  let last: ServerFailure | undefined;
  for (let server = pool.leastBusy(tried); server !== undefined; server = pool.leastBusy(tried)) {
    tried.add(server);
    const target = { ...config.targetOf(server), fields: Object.keys(call.body) };
    try {
      return await askServer(config, server, target, call, signal);
    } catch (error) {
      signal.throwIfAborted();
      last = failureOfError(target, error);
      pool.failed(server, last);
      if (last.verdict === "request") break;
    }
  }
  throw last!;
}

async function askServer<Schema extends v.GenericSchema>(
  { key, timeouts, proxies }: UpstreamConfig,
  { url }: PoolServer,
  target: UpstreamTarget,
  { paths, body, answer }: PromptCall<Schema>,
  signal: AbortSignal,
): Promise<v.InferOutput<Schema>> {
  for (const path of paths) {
    const address = path.startsWith("..") ? url.replace(/\/v1$/, "") + path.slice(2) : url + path;
    const response = await sendRequest({ url: address, body: JSON.stringify(body), key, timeouts, proxies, signal });
    try {
      if (NO_SUCH_CALL.includes(response.status)) continue;
      if (response.status !== 200) {
        throw statusFailure(target, response.status, response.headers, await readErrorBody(response));
      }
      return parseAnswer(answer, await readText(response.body, MAX_ANSWER));
    } finally {
      response.close();
    }
  }
  const what = "has no such call";
  throw new ServerFailure("request", "request_unsupported", `${target.host} ${what} (${paths.at(-1)}).`, {
    public_message: publicMessageOf(what),
  });
}

const NO_SUCH_CALL: readonly number[] = [404, 405, 501];

function parseAnswer<Schema extends v.GenericSchema>(schema: Schema, text: string): v.InferOutput<Schema> {
  try {
    return v.parse(schema, JSON.parse(text));
  } catch {
    throw new BrokenAnswer(`It is not what was asked for: ${text.slice(0, 100)}`);
  }
}
