// Server-sent events: objects in, one `Response` out. https://html.spec.whatwg.org/multipage/server-sent-events.html
import { noteResponseEnd, type ResponseEnd } from "./response-ends.ts";
import { errorBody, toApiError, type ApiError } from "./errors.ts";
import { waitUpTo } from "../support/wait-up-to.ts";

export interface SseOptions {
  /** Milliseconds of silence after which a comment is sent: a proxy would cut a silent connection. */
  ping_ms?: number;
  /** Milliseconds after which a client that reads nothing is given up. */
  stall_ms?: number;
  /** Called with the error that breaks the stream after its first event. */
  onError?: (error: ApiError) => void;
  /** The reader is the owner, who is told more of errors than others. */
  for_owner?: boolean;
  form?: SseForm | undefined;
}

/** A dialect whose events are named by the `type` of their objects, and where nothing follows the last one. */
export interface SseForm {
  /** The last event of a stream that breaks. */
  failure(error: ApiError): object;
}

const encoder = new TextEncoder();
const PING = encoder.encode(": ping\n\n");
const DONE = encoder.encode("data: [DONE]\n\n");

/** In so many parts of it, a silence is looked for: it is noticed a tenth too late at most. */
const LOOKS = 10;

/** A comment of the stream, which clients pass over. `text` has no line breaks. */
export class Comment {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

const encodeFrame = (data: unknown): Uint8Array<ArrayBuffer> =>
  encoder.encode(data instanceof Comment ? `: ${data.text}\n\n` : `data: ${JSON.stringify(data)}\n\n`);

const encodeNamedFrame = (data: unknown): Uint8Array<ArrayBuffer> =>
  data instanceof Comment
    ? encodeFrame(data)
    : encoder.encode(`event: ${(data as { type: string }).type}\ndata: ${JSON.stringify(data)}\n\n`);

/**
 * Waits for the first object, so that an error before it is thrown and becomes an HTTP error, but no longer than `ping_ms`: then the
 * stream begins with a comment. A later error is one `data: {"error": …}` frame, or what `form` makes of it, and the end, without `[DONE]`.
 * `stop` is aborted when the client leaves.
 */
export async function sse(objects: AsyncIterable<unknown>, stop: AbortController, options: SseOptions = {}): Promise<Response> {
  const { ping_ms = 10_000, stall_ms = 30_000, onError = () => {}, for_owner = false, form } = options;
  const encode = form === undefined ? encodeFrame : encodeNamedFrame;
  const iterator = objects[Symbol.asyncIterator]();
  let next = iterator.next();
  await waitUpTo(next, ping_ms);

  const over = Promise.withResolvers<ResponseEnd>();
  let gone = false;
  // One clock for the whole stream: a timer for each object takes as long as the rest of what is done here (`bench`, row `1000 streams of echo`).
  let clock: ReturnType<typeof setInterval> | undefined;
  /** Since then the reader waits for more, or takes nothing. */
  let waits_since = performance.now();
  const end = (how: ResponseEnd): void => {
    clearInterval(clock);
    over.resolve(how);
  };
  const abandon = (reason: unknown): void => {
    gone = true;
    end("left");
    // Abort first: return() queues behind the pending next(), which would wait for one more token.
    stop.abort(reason);
    void iterator.return?.().catch(() => {});
  };
  const look = (controller: ReadableStreamDefaultController<Uint8Array>): void => {
    const waited = performance.now() - waits_since;
    if ((controller.desiredSize ?? 0) > 0) {
      if (waited < ping_ms) return;
      waits_since = performance.now();
      controller.enqueue(PING);
    } else if (waited >= stall_ms) {
      abandon(new Error(`The client took nothing for ${stall_ms} ms.`));
      controller.error(new Error("stalled"));
    }
  };
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      clock = setInterval(look, Math.min(ping_ms, stall_ms) / LOOKS, controller);
    },
    async pull(controller) {
      waits_since = performance.now();
      try {
        const result = await next;
        if (gone) return;
        waits_since = performance.now();
        if (result.done) {
          if (form === undefined) controller.enqueue(DONE);
          controller.close();
          end("sent");
          return;
        }
        next = iterator.next();
        next.catch(() => {}); // The next pull throws it.
        controller.enqueue(encode(result.value));
      } catch (thrown) {
        if (gone) return;
        const error = toApiError(thrown);
        onError(error);
        controller.enqueue(encode(form === undefined ? errorBody(error, for_owner) : form.failure(error)));
        controller.close();
        end("broken");
      }
    },
    cancel: abandon,
  });
  const response = new Response(stream, {
    headers: { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-store", "x-accel-buffering": "no" },
  });
  noteResponseEnd(response, over.promise);
  return response;
}
