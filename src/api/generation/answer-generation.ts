// Runs what a request asks for, and answers with JSON or with server-sent events.
import type { Context } from "hono";
import type { Engine } from "../../../adapters/adapter.ts";
import type { Model } from "../../../models/manifest.ts";
import { acceptsType } from "../../http/accept.ts";
import type { AppEnv } from "../../http/app-env.ts";
import { invalidValue } from "../../http/errors.ts";
import { json } from "../../http/json.ts";
import { isOperator } from "../../http/middleware/auth.ts";
import { sse, type SseForm } from "../../http/sse.ts";
import type { EngineEvent } from "../../inference/generation.ts";
import type { LoadingEvent } from "../../inference/loading-events.ts";
import type { Deps } from "../deps.ts";
import type { GenerationFields } from "./fields.ts";
import { runOptionsOf } from "./run-options.ts";
import { valueOf } from "./sampling.ts";
import type { AnswerHead, BrokenSchemaOptions } from "./wire-form.ts";

export interface PreparedGeneration<Event extends EngineEvent> {
  /** Slots that it has use for. */
  slots: number;
  /** The paths of what is passed over by the engine, such as keywords of schemas. */
  unenforced: readonly string[];
  /** The events of an engine, with so many slots. */
  answer(engine: Engine, signal: AbortSignal, slots: number): AsyncIterable<Event>;
}

/** The two folds of the events. They throw what these throw. */
export interface Folds<Event> {
  id_prefix: string;
  collect(head: AnswerHead, events: AsyncIterable<Event | LoadingEvent>, options: BrokenSchemaOptions): Promise<object>;
  stream(
    head: AnswerHead,
    events: AsyncIterable<Event | LoadingEvent>,
    options: BrokenSchemaOptions & { include_usage: boolean },
  ): AsyncIterable<object>;
  /** Of its stream. */
  form?: SseForm;
}

interface Generation<Event extends EngineEvent> {
  request: GenerationFields;
  model: Model;
  prepared: PreparedGeneration<Event>;
  folds: Folds<Event>;
}

export async function answerGeneration<Event extends EngineEvent>(
  c: Context<AppEnv>,
  deps: Deps,
  { request, model, prepared, folds }: Generation<Event>,
): Promise<Response> {
  const only_events = acceptsType(c, "text/event-stream") && !acceptsType(c, "application/json");
  const streamed = request.stream ?? (only_events || deps.stream_default);
  if (request.stream_options?.include_usage && !streamed)
    throw invalidValue('"stream_options" needs "stream": true.', "stream_options");
  const stop = new AbortController(); // sse() aborts it when the client leaves amid the answer
  const options = {
    ...runOptionsOf(c, deps, model, valueOf(request, "keep_alive")),
    signal: AbortSignal.any([c.req.raw.signal, stop.signal]),
    slots: prepared.slots,
  };
  const log_fields = { request_id: c.get("request_id"), model: model.id };
  if (prepared.unenforced.length > 0)
    deps.log.info("parts of a schema are not enforced", { ...log_fields, passed_over: prepared.unenforced.slice(0, 50) });
  const events = deps.pool.run(model, options, prepared.answer);
  const [id, created] = [deps.newId(folds.id_prefix), deps.now()];
  const head: AnswerHead = { id, created, model: model.id, system_fingerprint: `ingle-${deps.version}` };
  const fold: BrokenSchemaOptions = {
    onBrokenSchema: (broken) => deps.log.warn("an answer breaks its schema", { ...log_fields, ...broken }),
  };
  if (!streamed) return json(c, await folds.collect(head, events, fold));
  const include_usage = request.stream_options?.include_usage ?? request.usage?.include ?? false;
  const for_owner = isOperator(c, deps.guards.operator_key);
  const chunks = folds.stream(head, events, { ...fold, include_usage });
  return sse(chunks, stop, { onError: (error) => deps.onError(error, c), for_owner, form: folds.form });
}
