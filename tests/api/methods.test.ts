// Every route of the router, asked by every method: what Allow names is there, and what it leaves out is 405.
import { METHODS } from "node:http";
import { describe, expect, test } from "bun:test";
import type { Hono } from "hono";
import { makeApp } from "../support/app.ts";

const OPERATOR = "operator-key-of-the-tests";

/** Those that `fetch` lets a client send. */
const SENDABLE = METHODS.filter((method) => !["CONNECT", "TRACE", "TRACK"].includes(method));

const routes = (makeApp().app as unknown as Hono).routes.filter(({ method }) => method !== "ALL");
const paths = [...new Set(routes.map(({ path }) => path))].map((path) => path.replace("*", "tiny").replaceAll(/:\w+/g, "x"));

/** Paths whose handlers look at more than the router does. */
const READ_BY_HANDLERS = [
  ...["/v1/models/download", "/v1/models/download/", "/v1/models/download/tiny/events", "/v1/models/download/tiny%2Fevents"],
  ...["/v1/models/tiny/start", "/v1/models/tiny/stop/", "/v1/models/org/x/start", "/v1/models/tiny%2Fstart"],
  ...["/v1/models/start", "/v1/models/download/start", "/v1/models/download/x/stop", "/v1/models/", "/v1/threads/"],
];

describe.each([...paths, ...READ_BY_HANDLERS])("%s", (path) => {
  const ask = (method: string, headers: Record<string, string> = {}): Promise<Response> => {
    const body = ["GET", "HEAD"].includes(method) ? {} : { body: "{}" };
    return makeApp({ guards: { operator_key: OPERATOR } }).request(path, {
      method,
      ...body,
      headers: { authorization: `Bearer ${OPERATOR}`, ...headers },
    });
  };

  test("has the methods that Allow names, and answers each other one with 405 and the same", async () => {
    const options = await ask("OPTIONS");
    const allow = options.headers.get("allow") ?? "";
    expect([options.status, await options.text()]).toEqual([204, ""]);
    const there: string[] = [];
    for (const method of SENDABLE) {
      const res = await ask(method);
      if (res.status !== 405) there.push(method);
      else expect([method, res.headers.get("allow")]).toEqual([method, allow]);
    }
    expect(allow.split(", ").sort()).toEqual(there.sort());
  });

  test("answers HEAD as GET, without a body", async () => {
    const [head, get] = [await ask("HEAD"), await ask("GET")];
    expect(await head.text()).toBe("");
    const about = ({ status, headers }: Response) => [status, headers.get("content-type"), headers.get("allow")];
    if (!path.includes("/download/")) expect(about(head)).toEqual(about(get));
    await get.body?.cancel();
  });
});

test("the walk finds the routes", () => expect(paths.length).toBeGreaterThanOrEqual(15));
