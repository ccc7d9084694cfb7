// The answers of all routes but the streams.
import type { Context } from "hono";
import type { AppEnv } from "./app-env.ts";

const JSON_INIT = { headers: { "content-type": "application/json" } };

/**
 * `value` as JSON, as an instance of the class that the listener of this request writes fastest. Used instead of Hono's `c.json`,
 * which knows only the global class: on Node, that one costs a fifth of `bench:store`, row `GET thread`.
 */
export function json(c: Pick<Context<AppEnv>, "env">, value: unknown, init?: ResponseInit): Response {
  // Not `Response.json`: on Bun its content type has a charset.
  const own = init === undefined ? JSON_INIT : { ...init, headers: { ...JSON_INIT.headers, ...init.headers } };
  return respond(c, JSON.stringify(value), own);
}

/** The same for a body that is text already. */
export function respond(c: Pick<Context<AppEnv>, "env">, body: string, init: ResponseInit): Response {
  // Hono's `env` is undefined where `app.fetch` got the request alone.
  const { Response: Answer = Response } = c.env ?? {};
  return new Answer(body, init);
}
