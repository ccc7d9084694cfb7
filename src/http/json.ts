// The answers of all routes but the streams.
import type { Context } from "hono";
import type { AppEnv } from "./app-env.ts";
import { answerWithCommonHeaders } from "./common-headers.ts";
import { gather, inPieces, PIECE, type Parts } from "./pieces.ts";

/** What is needed of a request's context; without `req` nobody is told that the answer is large. */
type AnswerContext = Pick<Context<AppEnv>, "env"> & Partial<Pick<Context<AppEnv>, "req" | "get" | "set">>;

const JSON_INIT = { headers: { "content-type": "application/json" } };

/** Characters up to which an answer goes out at once. */
const LARGE = 4 * PIECE;

const encoder = new TextEncoder();

/**
 * `value` as JSON, as an instance of the class that the listener of this request writes fastest. Used instead of Hono's `c.json`,
 * which knows only the global class: on Node, that one costs a fifth of `bench:store`, row `GET thread`.
 */
export function json(c: AnswerContext, value: unknown, init?: ResponseInit): Response {
  const text = JSON.stringify(value);
  if (init === undefined && text.length <= LARGE && isBehindGuards(c) && c.req.method !== "HEAD")
    return answerWithCommonHeaders(c, text);
  // Not `Response.json`: on Bun its content type has a charset.
  const own = init === undefined ? JSON_INIT : { ...init, headers: { ...JSON_INIT.headers, ...init.headers } };
  return respond(c, text, own);
}

const isBehindGuards = (c: AnswerContext): c is Context<AppEnv> => c.get?.("request_id") !== undefined;

/** The same for a body that is text already; HEAD is told its length. */
export function respond(c: AnswerContext, body: string, init: ResponseInit): Response {
  // Hono's `env` is undefined where `app.fetch` got the request alone.
  const { Response: Answer = Response } = c.env ?? {};
  if (c.req?.method === "HEAD") return new Answer(null, withLength(init, encoder.encode(body)));
  if (body.length <= LARGE) return new Answer(body, init);
  if (Answer === Response) {
    tellListener(c);
    return new Response(body, init);
  }
  const bytes = encoder.encode(body);
  return new Answer(inPieces(bytes), withLength(init, bytes));
}

function withLength(init: ResponseInit, { length }: Uint8Array): ResponseInit {
  return { ...init, headers: { ...(init.headers as Record<string, string>), "content-length": `${length}` } };
}

/**
 * JSON whose text comes in parts, no more of which are asked for than the reader takes. What is small goes out whole, with its length. An
 * error within the first piece is thrown; a later one goes to `onError` and breaks the connection: the reader must not take a part for
 * the whole.
 */
export async function jsonInPieces(c: AnswerContext, parts: Parts, onError: (thrown: unknown) => void): Promise<Response> {
  const { text, over } = await gather(parts);
  if (over) return respond(c, text, JSON_INIT);
  tellListener(c);
  const { Response: Answer = Response } = c.env ?? {};
  return new Answer(inPieces(encoder.encode(text), parts, onError), JSON_INIT);
}

function tellListener({ env, req }: AnswerContext): void {
  if (req !== undefined) env?.onLargeAnswer?.(req.raw);
}
