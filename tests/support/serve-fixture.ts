// The server that tests of the socket start on each runtime: all guards with small limits, and answers of every awkward kind.
// Prints its URL; a number on standard input closes it with that grace. What it saw is told by GET /seen.
import { createInterface } from "node:readline";
import { Hono } from "hono";
import * as v from "valibot";
import { json } from "../../src/http/json.ts";
import { answerArray } from "../../src/http/list.ts";
import { errorResponse, toApiError } from "../../src/http/errors.ts";
import type { AppEnv } from "../../src/http/app-env.ts";
import { guardRoutes } from "../../src/http/middleware/guards.ts";
import { serve, type Fetch } from "../../src/server/listen.ts";
import { parseBody } from "../../src/http/validate.ts";

const seen: Record<string, number> = {};
const note = (what: string) => (seen[what] = (seen[what] ?? 0) + 1);
const later = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const encoder = new TextEncoder();

/** `count` events, the first at once, `ms` milliseconds between them. */
function ticks(name: string, count: number, ms: number): ReadableStream {
  let sent = 0;
  return new ReadableStream({
    async pull(controller) {
      if (sent > 0) await later(ms);
      if (seen[`${name} cancelled`]) return;
      controller.enqueue(encoder.encode(`data: ${sent++}\n\n`));
      if (sent === count) controller.close();
    },
    cancel: () => void note(`${name} cancelled`),
  });
}

/** As many chunks of 64 KiB as the client takes. */
function flood(): ReadableStream {
  const pull = (controller: ReadableStreamDefaultController) => {
    note("flood chunks");
    controller.enqueue(new Uint8Array(65_536));
  };
  return new ReadableStream({ pull, cancel: () => void note("flood cancelled") });
}

/** Records of 10 KB, as many as the client takes up to `most`, and then an error where it is to break. */
async function* records(name: string, most: number, breaks: boolean) {
  try {
    for (let n = 0; n < most; n++) {
      note(`${name} made`);
      yield { n, text: "x".repeat(10_000) };
    }
    if (breaks) throw new Error("broken by the fixture");
  } finally {
    note(`${name} over`);
  }
}

const Anything = v.looseObject({});
const limits = { max_body: 65_536, body_timeout_ms: 400 };
const app = new Hono<AppEnv>();
const guards = { hosts: [], wide: false, origins: [], keys: [], newRequestId: () => "req_1", ...limits };
app.get("/ok", (c) => c.json({ ok: true }));
app.get("/seen", (c) => c.json(seen));
app.get("/stream/:name/:count/:ms", (c) => {
  const { name, count, ms } = c.req.param();
  return new Response(ticks(name, Number(count), Number(ms)), { headers: { "content-type": "text/event-stream" } });
});
app.get("/flood", () => new Response(flood()));
app.get("/wait/:name/:ms", async (c) => {
  const { name, ms } = c.req.param();
  const { signal } = c.req.raw;
  const aborted = new Promise((resolve) => signal.addEventListener("abort", resolve));
  await Promise.race([aborted.then(() => note(`${name} aborted`)), later(Number(ms))]);
  return c.json({ ok: true });
});
app.get("/break", () => {
  const broken = new ReadableStream({
    start: (controller) => controller.enqueue(encoder.encode("begin")),
    pull: () => Promise.reject(new Error("broken")),
  });
  return new Response(broken);
});
app.get("/list/:name/:most", (c) => {
  const { name, most } = c.req.param();
  return answerArray(c, records(name, Number(most), name === "broken"), { toWire: (each) => each, onError: () => {} });
});
app.get("/large/:name/:mb", (c) => {
  const { name, mb } = c.req.param();
  c.req.raw.signal.addEventListener("abort", () => note(`${name} aborted`));
  return json(c, "é".repeat((Number(mb) * 2 ** 20) / 2));
});
app.post("/v1/echo", async (c) => c.json(await parseBody(c, Anything)));
app.post("/v1/chat/completions", async (c) => c.json(await parseBody(c, Anything)));

const guarded = guardRoutes(app, guards, {
  thrown: (thrown, c) => errorResponse(toApiError(thrown), c),
  unknown: (c) => c.json({ path: c.req.path }, 404),
});

/** Outside the app: what it cannot catch itself. */
const fetch: Fetch = (request, env) => {
  if (request.url.endsWith("/throw")) throw new Error("thrown by the fixture");
  return guarded.fetch(request, env);
};

const server = await serve(fetch, { host: "127.0.0.1", port: 0, max_connections: 100, stall_ms: 8_000 });
console.log(server.url);
for await (const line of createInterface({ input: process.stdin })) {
  const start = performance.now();
  await Promise.all([server.close(Number(line)), server.close(60_000)]);
  console.log(JSON.stringify({ ms: Math.round(performance.now() - start), seen }));
}
