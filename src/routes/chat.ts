// POST /v1/chat/completions: one request, one iteration of chat events, and two folds of it, JSON and server-sent events.
import { Hono } from "hono";
import type { ChatEvent, ChatRequest } from "../../adapters/adapter.ts";
import { DEFAULT_MODEL } from "../../models/catalog.ts";
import type { Model } from "../../models/model.ts";
import type { Deps } from "../deps.ts";
import type { Engines } from "../engines/engines.ts";
import { ApiError, shown } from "../errors.ts";
import { Comment, sse } from "../sse.ts";
import { body } from "../validate.ts";
import { ChatCompletionRequest, refuseUnsupported } from "./chat-request.ts";

const LOADING = new Comment("loading");

export const chat = (deps: Deps) =>
  new Hono().post("/completions", async (c) => {
    const request = await body(c, ChatCompletionRequest);
    refuseUnsupported(request);
    const model = request.model === undefined ? await defaultModel(deps) : await modelOf(deps, request.model);
    const stop = new AbortController(); // sse() aborts it when the client leaves amid the answer
    const signal = AbortSignal.any([c.req.raw.signal, stop.signal]);
    const keep_alive = request.keep_alive ?? undefined;
    const events = deps.engines.chat(model, withDefaults(request, model, deps.newSeed()), signal, { keep_alive });
    const head: Head = {
      id: deps.newId("chatcmpl-"),
      created: deps.now(),
      model: model.id,
      system_fingerprint: `ingle-${deps.version}`,
    };
    const streamed = request.stream ?? (c.req.header("accept")?.includes("text/event-stream") || deps.stream_default);
    if (request.stream_options && !streamed) {
      throw new ApiError(400, `"stream_options" needs "stream": true.`, { param: "stream_options", code: "invalid_value" });
    }
    if (!streamed) return c.json(await whole(head, events));
    const include_usage = request.stream_options?.include_usage ?? false;
    return sse(chunks(head, events, include_usage), stop, { onError: (error) => deps.onError(error, c) });
  });

interface Head {
  id: string;
  created: number;
  model: string;
  system_fingerprint: string;
}

/** The model of requests that name none. Throws 400, and 404 where none is installed. */
async function defaultModel(deps: Deps): Promise<Model> {
  return deps.default_model === undefined ? onlyModel(await deps.library.list()) : modelOf(deps, deps.default_model);
}

/** Throws 404 `model_not_found` and 409 `model_not_ready`; `param` is where the id stands. */
export async function modelOf({ library, downloads }: Deps, id: string, param = "model"): Promise<Model> {
  const model = await library.get(id);
  if (model !== undefined) return model;
  if (downloads.state(id) === "downloading") {
    throw new ApiError(409, `Model ${shown(id)} is being downloaded. Ask again when it is there; GET /v1/models tells.`, {
      param,
      code: "model_not_ready",
    });
  }
  const way = id.length < 100 ? `Run "ingle pull ${id}", or see` : "See";
  throw new ApiError(404, `Model ${shown(id)} is not installed. ${way} GET /v1/models.`, {
    param,
    code: "model_not_found",
  });
}

function onlyModel([model, ...others]: Model[]): Model {
  if (model === undefined) {
    const message = `No model is installed. Run "ingle pull ${DEFAULT_MODEL}"; "ingle list --catalog" shows more.`;
    throw new ApiError(404, message, { param: "model", code: "model_not_found" });
  }
  if (others.length === 0) return model;
  throw new ApiError(400, `"model" is missing and ${others.length + 1} models are installed. Name one of them.`, {
    param: "model",
    code: "missing_required_parameter",
  });
}

/** Every value an engine needs: the request's, else the model's, else the document's. */
function withDefaults(request: ChatCompletionRequest, { parameters }: Model, newSeed: number): ChatRequest {
  const temperature = request.temperature ?? parameters.temperature ?? 0.7;
  const top_p = request.top_p ?? parameters.top_p ?? 0.95;
  // llama.cpp's way to ask for a random one.
  const seed = request.seed === -1 ? null : request.seed;
  return {
    messages: request.messages,
    max_tokens: request.max_completion_tokens ?? request.max_tokens ?? parameters.max_tokens ?? 2048,
    temperature,
    top_p,
    top_k: Math.max(0, request.top_k ?? 40),
    min_p: request.min_p ?? 0,
    repeat_penalty: request.repeat_penalty ?? 1,
    frequency_penalty: request.frequency_penalty ?? parameters.frequency_penalty ?? 0,
    presence_penalty: request.presence_penalty ?? parameters.presence_penalty ?? 0,
    stop: request.stop ?? parameters.stop ?? [],
    seed: seed == null ? newSeed : Number(BigInt.asUintN(32, BigInt(seed))),
    repeatable: seed != null || temperature === 0 || top_p === 0,
  };
}

/** What an engine says of one turn. */
type Events = ReturnType<Engines["chat"]>;

async function whole(head: Head, events: Events): Promise<object> {
  let content = "";
  for await (const event of events) {
    if (event.type === "text") content += event.text;
    if (event.type !== "finish") continue;
    const message = { role: "assistant", content, refusal: null };
    return {
      ...head,
      object: "chat.completion",
      choices: [{ index: 0, message, logprobs: null, finish_reason: event.reason }],
      usage: usage(event),
    };
  }
  throw new Error("An engine ended its answer without a finish.");
}

async function* chunks(head: Head, events: Events, include_usage: boolean): AsyncGenerator<object> {
  const chunk = (delta: object, finish_reason: string | null = null): object => ({
    ...head,
    object: "chat.completion.chunk",
    choices: [{ index: 0, delta, logprobs: null, finish_reason }],
    ...(include_usage ? { usage: null } : {}),
  });
  let begun = false;
  for await (const event of events) {
    if (event.type === "loading") {
      yield LOADING;
      continue;
    }
    // The role goes out with the first sign of life: it is the status 200 of a stream.
    if (!begun) yield chunk({ role: "assistant", content: "" });
    begun = true;
    if (event.type === "text") yield chunk({ content: event.text });
    if (event.type !== "finish") continue;
    yield chunk({}, event.reason);
    if (include_usage) yield { ...head, object: "chat.completion.chunk", choices: [], usage: usage(event) };
  }
}

function usage({ usage }: Extract<ChatEvent, { type: "finish" }>): object {
  const { prompt_tokens, completion_tokens, cached_tokens } = usage;
  return {
    prompt_tokens,
    completion_tokens,
    total_tokens: prompt_tokens + completion_tokens,
    prompt_tokens_details: { cached_tokens },
  };
}
