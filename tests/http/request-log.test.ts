// The line of the log about each request, and what is counted of it.
import { describe, expect, test } from "bun:test";
import type { Adapter } from "../../adapters/adapter.ts";
import { echo } from "../../adapters/echo.ts";
import { createTrustedProxies } from "../../src/support/trusted-proxies.ts";
import { makeApp } from "../support/app.ts";

const KEY = "sk-0123456789abcdef";
const OTHER = "sk-another-0123456789";

function makeLogged(options: Parameters<typeof makeApp>[0] = {}) {
  const made = makeApp({ log_requests: true, ...options });
  return { ...made, lines: () => made.log.filter(({ message }) => message === "request") };
}

describe("a request is one line", () => {
  test("with its status, method, path and time, and nothing of its query", async () => {
    const { request, lines } = makeLogged();
    await request("/v1/threads?limit=1&api_key=secret");
    expect(lines()).toEqual([
      {
        ...{ time: expect.any(String), level: "info", message: "request", request_id: "req_1", status: 200 },
        ...{ method: "GET", path: "/v1/threads", duration_ms: expect.any(Number) },
      },
    ]);
  });

  test("of a chat with its model, tokens and the time to the first one, and nothing of what was said", async () => {
    const { chat, log, lines } = makeLogged();
    await (await chat({ messages: [{ role: "user", content: "a secret word" }] })).json();
    expect(lines()[0]).toMatchObject({ path: "/v1/chat/completions", model: "tiny", prompt_tokens: 3, cached_tokens: 0 });
    expect(lines()[0]).toMatchObject({ completion_tokens: 3, first_token_ms: expect.any(Number) });
    expect(JSON.stringify(log)).not.toContain("secret");
  });

  test("of a stream when it is over", async () => {
    const { chat, lines } = makeLogged();
    const answer = await chat({ stream: true });
    expect(lines()).toEqual([]);
    await answer.text();
    await Promise.resolve();
    expect(lines()[0]).toMatchObject({ status: 200, model: "tiny", completion_tokens: 1 });
    expect(lines()[0]).not.toHaveProperty("ended");
  });

  test("of a stream that its client leaves says that it did", async () => {
    const { chat, lines } = makeLogged();
    const answer = await chat({ stream: true });
    await answer.body!.cancel();
    await Promise.resolve();
    expect(lines()[0]).toMatchObject({ ended: "left" });
  });

  test("of a stream that breaks off says that it did", async () => {
    const { chat, lines } = makeLogged({ adapter: breaking() });
    const answer = await chat({ stream: true });
    await answer.text();
    await Promise.resolve();
    expect(lines()[0]).toMatchObject({ status: 200, ended: "broken" });
  });

  test.each([
    ["a foreign host", { host: "evil.com" }, 403],
    ["no key", {}, 401],
  ])("of %s that is refused too", async (_, headers, status) => {
    const { request, lines } = makeLogged({ guards: { keys: [KEY] } });
    expect((await request("/v1/threads", { headers })).status).toBe(status);
    expect(lines()).toMatchObject([{ status, path: "/v1/threads" }]);
  });

  test("of a monitor only where all is logged", async () => {
    const { request, lines } = makeLogged();
    await request("/health");
    await request("/metrics");
    expect(lines()).toEqual([]);
  });
});

describe("who asked", () => {
  test("is the number of the key, never the key", async () => {
    const { request, log, lines } = makeLogged({ guards: { keys: [KEY, OTHER], operator_key: "operator-key-0123" } });
    for (const key of [OTHER, KEY, "operator-key-0123"]) await request("/v1/threads", { headers: { "x-api-key": key } });
    expect(lines().map(({ key }) => key)).toEqual([2, 1, "owner"]);
    expect(JSON.stringify(log)).not.toMatch(/sk-|operator-key/);
  });

  test.each([
    ["is the address of a client of the network", true, "192.168.1.9"],
    ["is not asked for where all clients are of this machine", false, undefined],
  ])("%s", async (_, wide, address) => {
    const { app, lines } = makeLogged({ guards: { wide } });
    await app.request("/v1/threads", { headers: { host: "localhost" } }, { addressOf: () => "192.168.1.9" });
    expect(lines().map((line) => line.address)).toEqual([address]);
  });

  test("is the address where there are no keys; behind a trusted proxy that of its client", async () => {
    const guards = { trusted_proxies: createTrustedProxies(["10.0.0.0/8"]) };
    const { app, lines } = makeLogged({ guards });
    const ask = (address: string, forwarded: string) =>
      app.request("/v1/threads", { headers: { host: "localhost", "x-forwarded-for": forwarded } }, { addressOf: () => address });
    await ask("127.0.0.1", "203.0.113.9");
    await ask("10.0.0.1", "198.51.100.7, 203.0.113.9, 10.0.0.2");
    expect(lines().map(({ address }) => address)).toEqual(["127.0.0.1", "203.0.113.9"]);
  });
});

test("requests are counted by method, route and status, without their ids", async () => {
  const { request } = makeApp();
  await request("/v1/threads/thread_secret");
  await request("/nowhere/secret");
  await request("/v1/threads", { method: "MKCOL" });
  const text = await (await request("/metrics")).text();
  const counts = text.split("\n").filter((line) => line.startsWith("http_server_request_duration_seconds_count"));
  expect(counts).toEqual([
    expect.stringContaining(
      'http_request_method="GET",url_scheme="http",http_response_status_code="404",http_route="/v1/threads/{thread_id}"',
    ),
    expect.stringContaining('http_response_status_code="404",http_route=""'),
    expect.stringContaining('http_request_method="_OTHER"'),
  ]);
  expect(text).not.toContain("secret");
  expect(text).toContain('http_server_active_requests{http_request_method="GET",url_scheme="http"} 1\n');
});

/** Breaks off amid an answer. */
function breaking(): Adapter {
  const own = echo();
  return {
    ...own,
    load: async (...args) => ({
      ...(await own.load(...args)),
      async *chat() {
        yield { type: "text", text: "So" };
        throw new Error("It broke.");
      },
    }),
  };
}
