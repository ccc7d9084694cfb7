// The headers that every answer carries, refusals included.
import type { Context } from "hono";
import type { AppEnv, Guard } from "../app-env.ts";
import { IGNORED_HEADER, ignoredHeader } from "../ignored.ts";
import type { RequestObserver } from "../request-observer.ts";
import { allowReading } from "./origin.ts";

export type AnswerThrown = (thrown: unknown, c: Context<AppEnv>) => Response;

/**
 * Gives a request its id, and its answer that id and the headers that keep browsers from guessing, embedding or storing it.
 * `answerThrown` answers for the guards that refuse, and for a thrown value that is no `Error`, which Hono keeps from `onError`.
 * `observe` sees the request come and its answer go: a guard of its own would cost every request another promise.
 */
export function answerHeaders(newId: () => string, answerThrown: AnswerThrown, observe?: RequestObserver): Guard {
  return function answerHeaders(c, next) {
    c.set("request_id", newId());
    const onAnswer = observe?.(c);
    const finish = (): void | Promise<void> => {
      const finished = setHeaders(c);
      onAnswer?.();
      return finished;
    };
    return next().then(finish, (thrown: unknown) => {
      c.res = answerThrown(thrown, c);
      return finish();
    });
  };
}

function setHeaders(c: Context<AppEnv>): void | Promise<void> {
  const { headers } = c.res;
  headers.set("x-request-id", c.get("request_id"));
  headers.set("x-content-type-options", "nosniff");
  headers.set("cross-origin-resource-policy", "same-origin");
  if (!headers.has("cache-control")) headers.set("cache-control", "no-store");
  const vary = c.get("vary");
  if (vary !== undefined) headers.append("vary", vary);
  const ignored = c.get("ignored");
  if (ignored !== undefined) headers.set(IGNORED_HEADER, ignoredHeader(ignored));
  const origin = c.get("reading_origin");
  if (origin !== undefined) allowReading(origin, headers);
  // Hono answers HEAD with the head of the GET and drops its body; a stream has to learn that nobody reads it.
  if (c.req.method === "HEAD") return c.res.body?.cancel();
}
