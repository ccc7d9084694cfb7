// The 405s: what a path answers to the methods that it does not have.
import type { Context, Hono } from "hono";
import type { AppEnv } from "./app-env.ts";
import { ApiError } from "./errors.ts";
import { asRefuser } from "./refused-anyway.ts";
import { quote } from "../support/quote.ts";

/** The methods that `node:http` knows on every runtime. Bun would take 6 ms to load that module, of which it needs nothing else to listen. */
const METHODS = (
  "ACL BIND CHECKOUT CONNECT COPY DELETE GET HEAD LINK LOCK M-SEARCH MERGE MKACTIVITY MKCALENDAR MKCOL MOVE NOTIFY OPTIONS PATCH POST " +
  "PROPFIND PROPPATCH PURGE PUT QUERY REBIND REPORT SEARCH SOURCE SUBSCRIBE TRACE UNBIND UNLINK UNLOCK UNSUBSCRIBE"
).split(" ");

/**
 * A known path answers other methods with 405 and `Allow`, and OPTIONS with `Allow` alone. Each method gets its own route: one for all
 * methods would also take the requests that a handler passes on by `next()`, which are a 404.
 */
export function refuseOtherMethods(app: Hono<AppEnv>): void {
  const routes = app.routes.filter(({ method }) => method !== "ALL");
  for (const [path, same] of Object.entries(Object.groupBy(routes, ({ path }) => path))) {
    const own = same!.map(({ method }) => method);
    const methods = own.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method]));
    const others = METHODS.filter((method) => !own.includes(method));
    app.on(
      others,
      path,
      asRefuser(function refuseMethod(c: Context) {
        return answerOtherMethod(c, methods);
      }),
    );
  }
}

/** Answers OPTIONS. Throws 405 `method_not_allowed` for all others, which are not among the path's `methods`. */
export function answerOtherMethod(c: Context, methods: string[]): Response {
  const allow = [...new Set(methods), "OPTIONS"].join(", ");
  if (c.req.method === "OPTIONS") return c.body(null, 204, { allow });
  throw new ApiError(405, `${c.req.method} is not possible at ${quote(c.req.path)}, only ${allow}.`, {
    code: "method_not_allowed",
    headers: { allow },
  });
}
