// The one fold of a chat's events into a response: its events in OpenAI's order, of which the last one has the whole response.
import type { ChatEvent } from "../../../adapters/adapter.ts";
import type { ApiError } from "../../http/errors.ts";
import { Comment } from "../../http/sse.ts";
import type { LoadingEvent } from "../../inference/loading-events.ts";
import type { Folds } from "../generation/answer-generation.ts";
import { brokenSchemaField, type BrokenSchemaOptions, LOADING } from "../generation/wire-form.ts";
import type { AnswerHead } from "../generation/wire-form.ts";
import type { CallableTool } from "./callable-tools.ts";
import {
  type ItemEvent,
  openCall,
  type OpenItem,
  openMessage,
  openReasoning,
  type OpenCall,
  type OpenText,
} from "./output-items.ts";
import { endedResponse, type OutputItem, type ResponseEvent, type ResponseObject } from "./wire-form.ts";

type ResponseSource = AsyncIterable<ChatEvent | LoadingEvent>;

export interface ResponseFoldOptions {
  begun: (head: AnswerHead) => ResponseObject;
  tools: readonly CallableTool[];
  newId: (prefix: string) => string;
  /** Whole seconds since 1970. */
  now: () => number;
}

/** The folds of one response: they have a state. */
export function responseFolds(options: ResponseFoldOptions): Folds<ChatEvent> {
  const fold = createFold(options);
  return {
    id_prefix: "resp_",
    async collect(head, events, own) {
      let last: ResponseEvent | undefined;
      for await (const event of fold.read(head, events, own)) if (!(event instanceof Comment)) last = event;
      return (last as ResponseEvent & { response: ResponseObject }).response;
    },
    stream: (head, events, own) => fold.read(head, events, own),
    form: { failure: fold.fail },
  };
}

type Open = { kind: "text" | "reasoning"; item: OpenText } | { kind: "call"; call: number; item: OpenCall };

function createFold({ begun, tools, newId, now }: ResponseFoldOptions) {
  let sequence_number = 0;
  let response: ResponseObject | undefined;
  let is_told = false;
  let open: Open | undefined;
  const output: OutputItem[] = [];

  const number = ({ type, ...fields }: ItemEvent): ResponseEvent => ({ type, sequence_number: sequence_number++, ...fields });
  const about = (type: string): ResponseEvent => number({ type, response: { ...response!, output: [...output] } });

  function* close(cut: boolean): Generator<ResponseEvent> {
    const item: OpenItem | undefined = open?.item;
    open = undefined;
    const closed = item?.close(cut);
    if (closed?.item !== undefined) output.push(closed.item);
    for (const event of closed?.events ?? []) yield number(event);
  }

  function* openNext(opened: { events: ItemEvent[] }, next: Open): Generator<ResponseEvent> {
    open = next;
    for (const event of opened.events) yield number(event);
  }

  function* take(event: Exclude<ChatEvent, { type: "finish" | "prompt" }>): Generator<ResponseEvent> {
    if (event.type === "tool_call") {
      if (open?.kind !== "call" || open.call !== event.index) {
        yield* close(false);
        const tool = tools.find(({ function: { name } }) => name === event.name);
        const opened = openCall(event, { newId, tool, index: output.length });
        yield* openNext(opened, { kind: "call", call: event.index, item: opened.item });
      }
      for (const piece of (open as { item: OpenCall }).item.push(event.arguments)) yield number(piece);
      return;
    }
    if (open?.kind !== event.type) {
      yield* close(false);
      const opened =
        event.type === "text" ? openMessage(newId("msg_"), output.length) : openReasoning(newId("rs_"), output.length);
      yield* openNext(opened, { kind: event.type, item: opened.item });
    }
    const item = (open as { item: OpenText }).item;
    yield number(event.type === "text" ? item.push(event.text, event.logprobs) : item.push(event.text));
  }

  return {
    async *read(head: AnswerHead, events: ResponseSource, own: BrokenSchemaOptions): AsyncGenerator<ResponseEvent | Comment> {
      response = begun(head);
      for await (const event of events) {
        if (event.type === "loading") {
          yield LOADING;
          continue;
        }
        // Not before: until then a mistake is answered by its status.
        if (!is_told) {
          is_told = true;
          yield about("response.created");
          yield about("response.in_progress");
        }
        if (event.type === "prompt") continue;
        if (event.type !== "finish") {
          yield* take(event);
          continue;
        }
        const cut = event.reason === "length";
        yield* close(cut);
        // An answer without a text has a message all the same.
        if (output.length === 0) {
          const opened = openMessage(newId("msg_"), 0);
          yield* openNext(opened, { kind: "text", item: opened.item });
          yield* close(cut);
        }
        const { x_ingle_schema: broken } = brokenSchemaField(event, own);
        response = endedResponse(response, { cut, usage: event.usage, broken, now: now() });
        yield about(cut ? "response.incomplete" : "response.completed");
        return;
      }
      throw new Error("An engine ended its answer without a finish.");
    },

    /** The last event of a response that breaks. */
    fail({ message, code, status }: ApiError): ResponseEvent {
      const item = open?.item.close(true).item;
      open = undefined;
      if (item !== undefined) output.push(item);
      const kind = status === 429 ? "rate_limit_exceeded" : status < 500 ? "invalid_prompt" : "server_error";
      response = {
        ...response!,
        status: "failed",
        error: { code: kind, message, ...(code !== null && { x_ingle_code: code }) },
      };
      return about("response.failed");
    },
  };
}
