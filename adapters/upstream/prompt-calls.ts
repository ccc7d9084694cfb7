// What is asked of the prompt alone, without an answer to it: its tokens, their number, and its text. ingle and llama-server have these calls,
// vLLM most of them, and OpenAI's API none.
import * as v from "valibot";
import type { ChatRequest, Engine } from "../adapter.ts";
import { BrokenAnswer } from "../shared/openai-stream/answer-events.ts";
import { readErrorBody, readText, type ServerErrorBody } from "../shared/openai-stream/error-body.ts";
import { failureOfError, publicMessageOf, ServerFailure, statusFailure, type UpstreamTarget } from "./errors.ts";
import { sendRequest } from "./http-request.ts";
import { upstreamBody } from "./request-body.ts";
import type { PoolServer, ServerPool } from "./server-pool.ts";
import type { UpstreamConfig } from "./upstream-config.ts";

type PromptCalls = Required<Pick<Engine, "tokenize" | "detokenize" | "tokenizeChat" | "count" | "render">>;

const Count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const Tokens = v.object({ tokens: v.array(Count) });
/** llama-server's and ingle's, and vLLM's. */
const Text = v.union([v.object({ content: v.string() }), v.object({ prompt: v.string() })]);
const Counted = v.union([v.object({ input_tokens: Count }), v.object({ count: Count })]);
const Rendered = v.object({ prompt: v.string() });

/** ingle's address, and that of llama-server and vLLM. */
const TOKENIZE = ["/tokenize", "../tokenize"];

/** In characters. */
const MAX_ANSWER = 64 * 1024 * 1024;

export interface PromptCall<Schema extends v.GenericSchema> {
  /** Below the address of the API, or beside its /v1. Where a server has none at the first, the next one is asked. */
  paths: readonly string[];
  body: Record<string, unknown>;
  answer: Schema;
  /** Whether a failure is about a token that the model does not have, also where its server takes it for its own. */
  blames?: (failure: ServerErrorBody) => boolean;
  /** Characters of an answer; absent: 64 Mi. */
  most?: number;
}

export function createPromptCalls(config: UpstreamConfig, pool: ServerPool, closing: AbortSignal): PromptCalls {
  const { model } = config;
  const ask = <Schema extends v.GenericSchema>(call: PromptCall<Schema>, signal: AbortSignal) =>
    askServers(config, pool, call, AbortSignal.any([signal, closing]));
  return {
    async tokenize(text, { add_special, parse_special }, signal) {
      const body = { model, content: text, prompt: text, add_special, parse_special, add_special_tokens: add_special };
      return (await ask({ paths: TOKENIZE, body, answer: Tokens }, signal)).tokens;
    },
    async detokenize(tokens, signal) {
      const body = { model, tokens };
      const answer = await ask({ paths: ["/detokenize", "../detokenize"], body, answer: Text, blames: isUnknownToken }, signal);
      return "content" in answer ? answer.content : answer.prompt;
    },
    async tokenizeChat(request, signal) {
      const body = chatFields(request, model);
      return (await ask({ paths: TOKENIZE, body, answer: Tokens }, signal)).tokens;
    },
    async count(request, signal) {
      const body = chatFields(request, model);
      const answer = await ask({ paths: ["/chat/completions/input_tokens", ...TOKENIZE], body, answer: Counted }, signal);
      return "input_tokens" in answer ? answer.input_tokens : answer.count;
    },
    async render(request, signal) {
      const body = chatFields(request, model);
      return (await ask({ paths: ["/apply-template", "../apply-template"], body, answer: Rendered }, signal)).prompt;
    },
  };
}

function chatFields(request: ChatRequest, model: string): Record<string, unknown> {
  const { stream: _, stream_options: __, ...fields } = upstreamBody(request, model);
  return fields;
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

/** Throws `ServerFailure`, what else `failureOfError` takes, and the signal's reason. */
export async function askServer<Schema extends v.GenericSchema>(
  { key, timeouts, proxies }: UpstreamConfig,
  { url }: PoolServer,
  target: UpstreamTarget,
  { paths, body, answer, blames, most = MAX_ANSWER }: PromptCall<Schema>,
  signal: AbortSignal,
): Promise<v.InferOutput<Schema>> {
  for (const path of paths) {
    const address = path.startsWith("..") ? url.replace(/\/v1$/, "") + path.slice(2) : url + path;
    const response = await sendRequest({ url: address, body: JSON.stringify(body), key, timeouts, proxies, signal });
    try {
      if (NO_SUCH_CALL.includes(response.status)) continue;
      if (response.status !== 200) {
        const failure = await readErrorBody(response);
        if (blames?.(failure)) throw unknownToken(target, failure);
        throw statusFailure(target, response.status, response.headers, failure);
      }
      return parseAnswer(answer, await readText(response.body, most));
    } finally {
      response.close();
    }
  }
  const what = "has no such call";
  throw new ServerFailure("request", "request_unsupported", `${target.host} ${what} (${paths.at(-1)}).`, {
    public_message: publicMessageOf(what),
  });
}

/** llama-server looks for a token that its model has not beyond the end of a list, and says that it has failed. */
const isUnknownToken = ({ message }: ServerErrorBody): boolean => /range_check|out of range|invalid token/i.test(message);

function unknownToken({ host }: UpstreamTarget, { message }: ServerErrorBody): ServerFailure {
  const public_message = '"tokens" has one that the model does not have. Leave it out.';
  return new ServerFailure("request", "request_refused", `${host} says: ${message}`, { param: "tokens", public_message });
}

const NO_SUCH_CALL: readonly number[] = [404, 405, 501];

function parseAnswer<Schema extends v.GenericSchema>(schema: Schema, text: string): v.InferOutput<Schema> {
  try {
    return v.parse(schema, JSON.parse(text));
  } catch {
    throw new BrokenAnswer(`It is not what was asked for: ${text.slice(0, 100)}`);
  }
}
