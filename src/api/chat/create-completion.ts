// POST /v1/chat/completions: one request, one iteration of chat events, and two folds of it, JSON and server-sent events.
import type { Context } from "hono";
import * as v from "valibot";
import type { Deps } from "../deps.ts";
import { acceptsType } from "../../http/accept.ts";
import { json } from "../../http/json.ts";
import type { AppEnv } from "../../http/app-env.ts";
import { invalidValue } from "../../http/errors.ts";
import { traceGeneration } from "../../http/generation-trace.ts";
import { cacheScopeOf, clientOf } from "../../http/client-of.ts";
import { isOperator } from "../../http/middleware/auth.ts";
import { nameIgnored } from "../../http/ignored.ts";
import { sse } from "../../http/sse.ts";
import { parseBody, validateWith } from "../../http/validate.ts";
import { findTaskModel } from "../find-model.ts";
import { droppedMessageFields } from "./message-fields.ts";
import { prepareChat } from "./prepare.ts";
import { ChatCompletionRequest, valueOf } from "./request.ts";
import { collectCompletion, type CompletionHead, type FoldOptions, streamChunks } from "./response.ts";

const JsonBody = v.looseObject({});

export const createChatCompletion =
  (deps: Deps) =>
  async (c: Context<AppEnv>): Promise<Response> => {
    const body = await parseBody(c, JsonBody);
    const request = validateWith(ChatCompletionRequest, body);
    const model = await findTaskModel(deps, request.model, "chat");
    const prepared = await prepareChat(request, {
      ...{ model, adapter: deps.adapterOf(model), newSeed: deps.newSeed, withNote: deps.templates?.withNote },
      cache_scope: cacheScopeOf(c, deps.guards),
    });
    nameIgnored(c, [...droppedMessageFields(body), ...prepared.ignored]);
    const only_events = acceptsType(c, "text/event-stream") && !acceptsType(c, "application/json");
    const streamed = request.stream ?? (only_events || deps.stream_default);
    if (request.stream_options?.include_usage && !streamed)
      throw invalidValue('"stream_options" needs "stream": true.', "stream_options");
    const stop = new AbortController(); // sse() aborts it when the client leaves amid the answer
    const options = {
      signal: AbortSignal.any([c.req.raw.signal, stop.signal]),
      client: clientOf(c, deps.guards),
      keep_alive: valueOf(request, "keep_alive") ?? undefined,
      slots: prepared.slots,
      trace: traceGeneration(c, model.id),
    };
    const log_fields = { request_id: c.get("request_id"), model: model.id };
    if (prepared.unenforced.length > 0)
      deps.log.info("parts of a schema are not enforced", { ...log_fields, passed_over: prepared.unenforced.slice(0, 50) });
    const events = deps.pool.run(model, options, prepared.answer);
    const [id, created] = [deps.newId("chatcmpl-"), deps.now()];
    const head: CompletionHead = { id, created, model: model.id, system_fingerprint: `ingle-${deps.version}` };
    const fold: FoldOptions = {
      ...{ newId: deps.newId, legacy_calls: prepared.legacy_calls },
      onBrokenSchema: (broken) => deps.log.warn("an answer breaks its schema", { ...log_fields, ...broken }),
    };
    if (!streamed) return json(c, await collectCompletion(head, events, fold));
    const include_usage = request.stream_options?.include_usage ?? request.usage?.include ?? false;
    const chunks = streamChunks(head, events, { ...fold, include_usage });
    const for_owner = isOperator(c, deps.guards.operator_key);
    return sse(chunks, stop, { onError: (error) => deps.onError(error, c), for_owner });
  };
