// What a proxy says of its clients, and where it counts.
import { describe, expect, test } from "bun:test";
import { Hono } from "hono";
import type { AppEnv } from "../../src/http/app-env.ts";
import { clientAddress } from "../../src/http/client-address.ts";
import { errorResponse, toApiError } from "../../src/http/errors.ts";
import { guardRoutes } from "../../src/http/middleware/guards.ts";
import { createTrustedProxies } from "../../src/support/trusted-proxies.ts";

const PROXIES = ["127.0.0.1", "10.0.0.0/8", "fd00::/8"];

/** Asks as `peer`; answers with the address of the client, or with the code of the refusal. */
async function ask(peer: string | undefined, headers: Record<string, string>, ranges = PROXIES): Promise<string> {
  const app = new Hono<AppEnv>();
  const answerThrown = (thrown: unknown) => errorResponse(toApiError(thrown));
  const trusted_proxies = createTrustedProxies(ranges);
  const all = { hosts: ["ai.example.com"], wide: false, origins: [], keys: [], newRequestId: () => "req_1", trusted_proxies };
  app.get("/", (c) => c.text(clientAddress(c, trusted_proxies) ?? "none"));
  const guarded = guardRoutes(app, all, { thrown: answerThrown, unknown: (c) => c.body(null, 404) });
  const res = await guarded.request("/", { headers: { host: "ai.example.com", ...headers } }, { addressOf: () => peer });
  return res.ok ? res.text() : ((await res.json()) as { error: { code: string } }).error.code;
}

describe("S-72: the address of a client", () => {
  test.each([
    ["is the peer's without a proxy", "203.0.113.9", {}, "203.0.113.9"],
    ["is the peer's, whatever somebody else writes", "203.0.113.9", { "x-forwarded-for": "198.51.100.7" }, "203.0.113.9"],
    ["is that which a trusted proxy has added", "127.0.0.1", { "x-forwarded-for": "198.51.100.7" }, "198.51.100.7"],
    ["is not what the client wrote itself", "127.0.0.1", { "x-forwarded-for": "1.2.3.4, 198.51.100.7" }, "198.51.100.7"],
    ["is behind all trusted proxies", "10.0.0.1", { "x-forwarded-for": "1.2.3.4, 198.51.100.7, 10.9.9.9" }, "198.51.100.7"],
    ["may be of IPv6, with a port", "fd00::1", { "x-forwarded-for": "[2001:db8::7]:4711" }, "2001:db8::7"],
    ["may have a port", "127.0.0.1", { "x-forwarded-for": "198.51.100.7:4711" }, "198.51.100.7"],
    ["is found behind a socket for both families", "::ffff:127.0.0.1", { "x-forwarded-for": "198.51.100.7" }, "198.51.100.7"],
    ["is the proxy's where it names none", "127.0.0.1", {}, "127.0.0.1"],
    ["is the proxy's where it names trusted ones alone", "127.0.0.1", { "x-forwarded-for": "10.0.0.1" }, "127.0.0.1"],
    ["is the proxy's where it names what is none", "127.0.0.1", { "x-forwarded-for": "unknown" }, "127.0.0.1"],
    ["is none without a socket", undefined, { "x-forwarded-for": "198.51.100.7" }, "none"],
  ])("%s", async (_, peer, headers, address) => {
    expect(await ask(peer, headers)).toBe(address);
  });

  test("is the peer's where no proxy is trusted", async () => {
    expect(await ask("127.0.0.1", { "x-forwarded-for": "198.51.100.7" }, [])).toBe("127.0.0.1");
  });
});

describe("S-72: the own origin", () => {
  const origin = "https://ai.example.com";
  test.each([
    ["is https where a trusted proxy says so", "127.0.0.1", { origin, "x-forwarded-proto": "https" }, "127.0.0.1"],
    ["is http otherwise", "127.0.0.1", { origin }, "origin_not_allowed"],
    ["is not what somebody else says", "203.0.113.9", { origin, "x-forwarded-proto": "https" }, "origin_not_allowed"],
    [
      "is http no more behind a proxy with TLS",
      "127.0.0.1",
      { origin: "http://ai.example.com", "x-forwarded-proto": "https" },
      "origin_not_allowed",
    ],
    [
      "is never that of X-Forwarded-Host",
      "127.0.0.1",
      { origin: "https://evil.com", "x-forwarded-proto": "https", "x-forwarded-host": "evil.com" },
      "origin_not_allowed",
    ],
  ])("%s", async (_, peer, headers, expected) => {
    expect(await ask(peer, headers)).toBe(expected);
  });
});
