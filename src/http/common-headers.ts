// The headers that every answer carries. Most answers are made with them: to add them later takes longer on each runtime, most of all on
// Node and Deno, where it makes a `Headers` that nothing else needs.
import type { Context } from "hono";
import type { AppEnv } from "./app-env.ts";

/** What keeps browsers from guessing, embedding or storing an answer. */
const COMMON: [name: string, value: string][] = [
  ["x-content-type-options", "nosniff"],
  ["cross-origin-resource-policy", "same-origin"],
  ["cache-control", "no-store"],
];

const JSON_TYPE: [string, string] = ["content-type", "application/json"];
const JSON_INIT = { headers: new Headers([JSON_TYPE, ...COMMON]) };

/** A text of JSON as an answer with all these headers, in the form that each class takes fastest. */
export function answerWithCommonHeaders(c: Pick<Context<AppEnv>, "env" | "get" | "set">, text: string): Response {
  const id = c.get("request_id");
  // Hono's `env` is undefined where `app.fetch` got the request alone.
  const { Response: Answer } = c.env ?? {};
  let answer: Response;
  if (Answer !== undefined) answer = new Answer(text, { headers: [JSON_TYPE, ["x-request-id", id], ...COMMON] });
  else {
    answer = new Response(text, JSON_INIT);
    answer.headers.set("x-request-id", id);
  }
  c.set("with_common_headers", answer);
  return answer;
}

/** Adds them to an answer that was made without; `cache-control` is the handler's where it has set one. */
export function addCommonHeaders(c: Context<AppEnv>, answer: Response): void {
  if (c.get("with_common_headers") === answer) return;
  const { headers } = answer;
  headers.set("x-request-id", c.get("request_id"));
  for (const [name, value] of COMMON) if (name !== "cache-control" || !headers.has(name)) headers.set(name, value);
}
