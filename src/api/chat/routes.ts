// POST /v1/chat/completions: one request, one iteration of chat events, and two folds of it, JSON and server-sent events.
import { Hono } from "hono";
import { DEFAULT_MODEL } from "../../../models/catalog.ts";
import type { Model } from "../../../models/manifest.ts";
import type { Deps } from "../deps.ts";
import type { AppEnv } from "../../http/app-env.ts";
import { ApiError } from "../../http/errors.ts";
import { quote } from "../../support/quote.ts";
import { clientOf } from "../../http/middleware/client.ts";
import { sse } from "../../http/sse.ts";
import { parseBody } from "../../http/validate.ts";
import { chunks, type Head, whole } from "./response.ts";
import { ChatCompletionRequest, engineRequest } from "./request.ts";

export const chat = (deps: Deps) =>
  new Hono<AppEnv>().post("/completions", async (c) => {
    const request = await parseBody(c, ChatCompletionRequest);
    const model = request.model === undefined ? await defaultModel(deps) : await modelOf(deps, request.model);
    const stop = new AbortController(); // sse() aborts it when the client leaves amid the answer
    const signal = AbortSignal.any([c.req.raw.signal, stop.signal]);
    const keep_alive = request.keep_alive ?? undefined;
    const client = clientOf(c, deps.guards);
    const asked = engineRequest(request, model, deps.adapterOf(model).capabilities(model), deps.newSeed);
    const events = deps.pool.chat(model, asked, signal, { keep_alive, client });
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
    if (!streamed) return c.json(await whole(head, events, deps.newId));
    const include_usage = request.stream_options?.include_usage ?? false;
    return sse(chunks(head, events, { include_usage, newId: deps.newId }), stop, { onError: (error) => deps.onError(error, c) });
  });

/** The model of requests that name none. Throws 400, and 404 where none is installed. */
async function defaultModel(deps: Deps): Promise<Model> {
  return deps.default_model === undefined ? onlyModel(await deps.library.list()) : modelOf(deps, deps.default_model);
}

/** Throws 404 `model_not_found` and 409 `model_not_ready`; `param` is where the id stands. */
export async function modelOf({ library, downloads }: Deps, id: string, param = "model"): Promise<Model> {
  const model = await library.get(id);
  if (model !== undefined) return model;
  if (downloads.state(id) === "downloading") {
    throw new ApiError(409, `Model ${quote(id)} is being downloaded. Ask again when it is there; GET /v1/models tells.`, {
      param,
      code: "model_not_ready",
    });
  }
  const way = id.length < 100 ? `Run "ingle pull ${id}", or see` : "See";
  throw new ApiError(404, `Model ${quote(id)} is not installed. ${way} GET /v1/models.`, {
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
