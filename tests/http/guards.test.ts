import { describe, expect, test } from "bun:test";
import { hostname } from "node:os";
import { Hono } from "hono";
import { errorResponse, toApiError } from "../../src/http/errors.ts";
import type { AppEnv } from "../../src/http/app-env.ts";
import { guardRoutes, type GuardOptions } from "../../src/http/middleware/guards.ts";
import { createAuthFailures } from "../../src/http/auth-failures.ts";
import { checkKey } from "../../src/http/middleware/auth.ts";
import { readConfig } from "../../src/server/read-config.ts";
import { checkActingGet } from "../../src/http/middleware/origin.ts";
import { FOREIGN_HOSTS, ODD_HOSTS } from "../support/hosts.ts";

const KEY = "sk-0123456789abcdef";
const OTHER = "another.key_of~mine+/==";
const LISTED = "http://localhost:3000";
const JSON_TYPE = { "content-type": "application/json" };

/** An app behind all guards; `ran` counts the requests that reached a handler. */
function makeGuarded(options: Partial<GuardOptions> = {}) {
  const app = new Hono<AppEnv>();
  const state = { ran: 0 };
  const answerThrown = (thrown: unknown) => errorResponse(toApiError(thrown));
  const all = { hosts: [], wide: false, origins: [], keys: [], newRequestId: () => "req_1", ...options };
  app.get("/v1/models/download/:id", (c) => {
    checkActingGet(c, all.keys.length > 0);
    return c.json(++state.ran);
  });
  app.get("/throw", () => {
    throw "no Error";
  });
  app.all("*", (c) => c.json(++state.ran));
  const guarded = guardRoutes(app, all, { thrown: answerThrown, unknown: (c) => c.body(null, 404) });
  const ask = (headers: Record<string, string> = {}, init: RequestInit = {}, path = "/v1/models") =>
    guarded.request(path, { ...init, headers: { host: "localhost:1337", ...headers } });
  return { app: guarded, ask, state };
}

async function codeOf(res: Response): Promise<unknown> {
  return ((await res.json()) as { error: { code: string } }).error.code;
}

async function expectRefusal(res: Response, status: number, code: string) {
  expect([res.status, await codeOf(res)]).toEqual([status, code]);
}

describe("host", () => {
  test.each(["localhost", "LOCALHOST:1337", "127.0.0.1", "127.0.0.1:80", "[::1]:1337", "[::1]"])("%s is ours", async (host) => {
    expect((await makeGuarded().ask({ host })).status).toBe(200);
  });

  const spelled = [...ODD_HOSTS, "0x7f.0.0.1", "::1", "[::1", "localhost:"];
  const broken = ["", " ", "localhost, evil.com", "localhost evil.com", "user@localhost", "localhost:1337:1", "localhost/x"];
  const addresses = ["10.0.0.5", "192.168.1.9:1337", "[fd00::1]", "8.8.8.8"];
  test.each([...FOREIGN_HOSTS, ...spelled, ...broken, ...addresses])('"%s" is refused and no handler runs', async (host) => {
    const { ask, state } = makeGuarded();
    await expectRefusal(await ask({ host }), 403, "host_not_allowed");
    expect(state.ran).toBe(0);
  });

  test("an absent Host is refused, whatever was forwarded", async () => {
    const headers = { "x-forwarded-host": "localhost", forwarded: "host=localhost" };
    await expectRefusal(await makeGuarded().app.request("/v1/models", { headers }), 403, "host_not_allowed");
  });

  test("configured names are ours, exactly and in any case", async () => {
    const { ask } = makeGuarded({ hosts: ["My-Box.lan", "0.0.0.0", "fd00::5"] });
    for (const host of ["my-box.lan:1337", "MY-BOX.LAN", "0.0.0.0:1337", "[fd00::5]"])
      expect((await ask({ host })).status).toBe(200);
    for (const host of ["x.my-box.lan", "my-box.lan.", "10.0.0.5"]) expect((await ask({ host })).status).toBe(403);
  });

  const known = [hostname(), `${hostname().split(".")[0]}:1337`, "mybox.local", "My-Box.local:1337", "a.b.local"];
  test.each([...known, "host.docker.internal:1337", "host.containers.internal"])(
    "%s passes on a wide bind with a key alone",
    async (host) => {
      const status = async (options: Partial<GuardOptions>) => (await makeGuarded(options).ask({ host, "api-key": KEY })).status;
      expect(await status({ wide: true, keys: [KEY] })).toBe(200);
      expect(await status({ wide: true })).toBe(403);
      expect(await status({ keys: [KEY] })).toBe(403);
    },
  );

  const similar = ["local", ".local", "evil.com", "mybox.local.evil.com", "notlocal", "x.docker.internal", "docker.internal"];
  test.each([...similar, "x.host.docker.internal", "8.8.8.8", `${hostname()}.evil.com`])(
    "%s needs --hosts on a wide bind with a key",
    async (host) => {
      const { ask } = makeGuarded({ wide: true, keys: [KEY] });
      await expectRefusal(await ask({ host, "api-key": KEY }), 403, "host_not_allowed");
    },
  );

  test.each(["chat.example.com", "Chat.Example.com:8080", "box", "my_box.lan", "127.1", "8.8.8.8", "[2001:db8::1]:1337"])(
    "what the refusal of %s says to start with lets it in",
    async (host) => {
      const { error } = (await (await makeGuarded().ask({ host })).json()) as { error: { message: string } };
      const [, INGLE_HOSTS] = / --hosts=(\S+) /.exec(error.message)!;
      const { hosts } = readConfig({}, { INGLE_HOSTS });
      expect((await makeGuarded({ hosts }).ask({ host })).status).toBe(200);
    },
  );

  test("a wide bind takes private addresses, and neither public ones nor other spellings", async () => {
    const { ask } = makeGuarded({ wide: true });
    const ours = ["10.0.0.5", "172.16.0.1:1337", "192.168.1.9", "100.64.0.1", "169.254.1.1", "[fd00::1]:1337", "[fe80::1]"];
    for (const host of ours) expect([host, (await ask({ host })).status]).toEqual([host, 200]);
    const others = [
      "8.8.8.8",
      "172.32.0.1",
      "10.1",
      "012.0.0.1",
      "[2001:db8::1]",
      "[::ffff:10.0.0.1]",
      "[fe80::1%25eth0]",
      "evil.com",
      "10.0.0.5.evil.com",
    ];
    for (const host of others) expect([host, (await ask({ host })).status]).toEqual([host, 403]);
  });
});

describe("origin", () => {
  test("neither Origin nor fetch metadata: a program, which passes", async () => {
    expect((await makeGuarded().ask()).status).toBe(200);
  });

  test.each(["http://localhost:1337", "http://LOCALHOST:1337"])("the own origin passes, Host %s", async (url) => {
    const { ask } = makeGuarded();
    const res = await ask({ host: new URL(url).host, origin: "http://localhost:1337" });
    expect(res.status).toBe(200);
    expect(res.headers.get("access-control-allow-origin")).toBeNull();
  });

  const others = [
    LISTED,
    "https://localhost:1337",
    "http://127.0.0.1:1337",
    "http://localhost",
    "file://",
    "chrome-extension://abc",
    "null",
    "",
  ];
  test.each([...others, "http://localhost:1337, http://localhost:1337"])('S-08, S-13: Origin "%s" is refused', async (origin) => {
    const { ask, state } = makeGuarded();
    await expectRefusal(
      await ask({ origin, "content-type": "text/plain" }, { method: "POST", body: "{}" }),
      403,
      "origin_not_allowed",
    );
    expect(state.ran).toBe(0);
  });

  test("without Origin the fetch metadata decide", async () => {
    const { ask } = makeGuarded();
    for (const site of ["cross-site", "same-site"])
      await expectRefusal(await ask({ "sec-fetch-site": site }), 403, "origin_not_allowed");
    for (const site of ["same-origin", "none"]) expect((await ask({ "sec-fetch-site": site })).status).toBe(200);
  });

  test("S-18: a listed origin may read the answer, a refusal too, without credentials", async () => {
    const { ask } = makeGuarded({ origins: [LISTED], keys: [KEY] });
    for (const [status, authorization] of [
      [200, `Bearer ${KEY}`],
      [401, "Bearer wrong"],
    ] as const) {
      const res = await ask({ origin: LISTED, "sec-fetch-site": "cross-site", authorization });
      expect(res.status).toBe(status);
      expect(res.headers.get("access-control-allow-origin")).toBe(LISTED);
      expect(res.headers.get("vary")).toContain("Origin");
      expect(res.headers.get("access-control-allow-credentials")).toBeNull();
    }
  });

  test.each(["http://localhost:30000", "http://localhost:300", "http://localhost:3000/", "https://localhost:3000", "null"])(
    "%s is not the listed origin",
    async (origin) => expectRefusal(await makeGuarded({ origins: [LISTED] }).ask({ origin }), 403, "origin_not_allowed"),
  );

  const preflight = { "access-control-request-method": "POST", "access-control-request-headers": "x-evil" };

  test("S-14: a preflight of an unlisted origin learns nothing", async () => {
    const res = await makeGuarded({ origins: [LISTED] }).ask({ origin: "https://evil.com", ...preflight }, { method: "OPTIONS" });
    expect(res.status).toBe(403);
    expect([...res.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
  });

  test("S-15: a preflight of a listed origin is answered without a key, with the headers that it asked for", async () => {
    const { ask, state } = makeGuarded({ origins: [LISTED], keys: [KEY] });
    const res = await ask({ origin: LISTED, ...preflight }, { method: "OPTIONS" });
    expect([res.status, state.ran]).toEqual([204, 0]);
    expect(res.headers.get("access-control-allow-origin")).toBe(LISTED);
    expect(res.headers.get("vary")).toBe("Access-Control-Request-Headers, Origin");
    expect(res.headers.get("access-control-allow-credentials")).toBeNull();
    expect(res.headers.get("access-control-allow-headers")).toBe(preflight["access-control-request-headers"]);
    expect(res.headers.get("x-request-id")).toBe("req_1");
  });

  const USUAL = /^authorization, content-type, .*x-stainless-lang/;
  test.each<[asked: string | undefined, allowed: string | RegExp]>([
    ["traceparent,http-referer, X-Title", "traceparent,http-referer, X-Title"],
    ["anthropic-dangerous-direct-browser-access", "anthropic-dangerous-direct-browser-access"],
    [`x-${"a".repeat(4094)}`, `x-${"a".repeat(4094)}`],
    [`x-${"a".repeat(4095)}`, USUAL],
    ["", USUAL],
    [undefined, USUAL],
    ["a b", USUAL],
    ["a,,b", USUAL],
    ["a;b", USUAL],
    ["a,\u00e4", USUAL],
  ])("S-15: the headers %j of a preflight are allowed if they are names, else the usual ones", async (asked, allowed) => {
    const { ask } = makeGuarded({ origins: [LISTED], keys: [KEY] });
    const headers = { origin: LISTED, "access-control-request-method": "POST" };
    const res = await ask(asked === undefined ? headers : { ...headers, "access-control-request-headers": asked }, {
      method: "OPTIONS",
    });
    const answered = res.headers.get("access-control-allow-headers")!;
    if (typeof allowed === "string") expect(answered).toBe(allowed);
    else expect(answered).toMatch(allowed);
  });

  test("B-16: OPTIONS without Origin goes its way, without Access-Control headers", async () => {
    const res = await makeGuarded({ origins: [LISTED] }).ask({}, { method: "OPTIONS" });
    expect([...res.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
  });

  test("S-17: a hostile list of request headers costs nothing", async () => {
    const { ask } = makeGuarded({ origins: [LISTED] });
    const hostile = { ...preflight, "access-control-request-headers": `a${" ,".repeat(32_000)}a` };
    await ask({ origin: LISTED, ...hostile }, { method: "OPTIONS" });
    const begin = performance.now();
    await ask({ origin: LISTED, ...hostile }, { method: "OPTIONS" });
    expect(performance.now() - begin).toBeLessThan(1_000);
  });

  test('S-16: "*" takes every origin but null, names it, and needs a key', async () => {
    expect(() => makeGuarded({ origins: ["*"] })).toThrow("Set an API key too.");
    const { ask } = makeGuarded({ origins: ["*"], keys: [KEY] });
    const res = await ask({ origin: "https://any.example", "x-api-key": KEY });
    expect(res.headers.get("access-control-allow-origin")).toBe("https://any.example");
    await expectRefusal(await ask({ origin: "null", "x-api-key": KEY }), 403, "origin_not_allowed");
  });
});

describe("a GET that acts", () => {
  const path = "/v1/models/download/tiny";
  const status = async (options: Partial<GuardOptions>, headers: Record<string, string>) =>
    (await makeGuarded(options).ask(headers, {}, path)).status;

  test("S-11: typed by hand it passes with a key only", async () => {
    expect(await status({}, { "sec-fetch-site": "none" })).toBe(403);
    expect(await status({ keys: [KEY] }, { "sec-fetch-site": "none", "x-api-key": KEY })).toBe(200);
  });

  test("S-12, S-18: the own origin passes, a listed one does not, a program does", async () => {
    expect(await status({}, { "sec-fetch-site": "same-origin", origin: "http://localhost:1337" })).toBe(200);
    expect(await status({ origins: [LISTED] }, { "sec-fetch-site": "cross-site", origin: LISTED })).toBe(403);
    expect(await status({}, {})).toBe(200);
  });

  test("S-12: without fetch metadata it passes by a loopback name, or with a key", async () => {
    const named = { hosts: ["box.lan"], wide: true };
    for (const host of ["box.lan", "box.lan:8080", "192.168.1.9", "[fd00::1]:1337"]) {
      expect(await status(named, { host })).toBe(403);
      expect(await status({ ...named, keys: [KEY] }, { host, "x-api-key": KEY })).toBe(200);
    }
    for (const host of ["localhost", "LOCALHOST:1337", "127.0.0.1:1337", "[::1]"])
      expect(await status(named, { host })).toBe(200);
  });
});

describe("key", () => {
  test("S-20: either key in either header, the scheme in any case", async () => {
    const { ask } = makeGuarded({ keys: [KEY, OTHER] });
    const right: Record<string, string>[] = [
      { authorization: `Bearer ${KEY}` },
      { authorization: `bearer  ${OTHER}` },
      { "x-api-key": KEY },
      { "x-api-key": OTHER },
      { "api-key": KEY },
      { authorization: "Bearer placeholder", "x-api-key": KEY },
      { authorization: `Basic ${KEY}`, "x-api-key": KEY },
      { authorization: "", "x-api-key": "", "api-key": KEY },
      { authorization: `Bearer ${KEY}`, "x-api-key": "wrong", "api-key": "wrong" },
    ];
    for (const headers of right) expect((await ask(headers)).status).toBe(200);
  });

  const wrong: Record<string, string>[] = [
    {},
    { authorization: "" },
    { authorization: "Bearer" },
    { authorization: "Bearer " },
    { authorization: KEY },
    { authorization: `Bearer ${KEY}x` },
    { authorization: `Bearer ${KEY.slice(0, -1)}` },
    { authorization: `Bearer ${KEY}, Bearer ${KEY}` },
    { authorization: `Basic ${KEY}` },
    { authorization: "Bearer wrong", "x-api-key": "wrong", "api-key": "wrong" },
    { "x-api-key": "" },
    { "api-key": `${KEY}, ${KEY}` },
    { "x-api-key": `${KEY}, ${KEY}` },
  ];
  test.each(wrong)("S-20: %j is a 401 that says how", async (headers) => {
    const { ask, state } = makeGuarded({ keys: [KEY] });
    const res = await ask(headers);
    expect(res.headers.get("www-authenticate")).toBe("Bearer");
    await expectRefusal(res, 401, "invalid_api_key");
    expect(state.ran).toBe(0);
  });

  test("S-23: many wrong keys of one address are answered late, right ones at once", async () => {
    const waits: number[] = [];
    const failures = createAuthFailures(undefined, async (ms) => void waits.push(ms));
    const { app } = makeGuarded({ keys: [KEY], auth_failures: failures });
    const from = (address: string | undefined, key: string) =>
      app.request("/v1/models", { headers: { host: "localhost", "x-api-key": key } }, { addressOf: () => address });
    for (let i = 0; i < 14; i++) expect((await from("10.0.0.7", "wrong")).status).toBe(401);
    expect(waits).toEqual([100, 200, 300, 400, 500, 600, 700, 800, 900, 1000, 1000, 1000]);
    waits.length = 0;
    expect((await from("10.0.0.7", KEY)).status).toBe(200);
    expect((await from("10.0.0.8", "wrong")).status).toBe(401);
    for (let i = 0; i < 4; i++) expect((await from(undefined, "wrong")).status).toBe(401);
    expect(waits).toEqual([]);
    // All addresses of a client of IPv6 are one.
    for (let i = 0; i < 4; i++) await from(`2001:db8:1:2::${i}`, "wrong");
    expect(waits).toEqual([100, 200]);
    expect(failures.metrics()).toContain("ingle_auth_failures_total 23\n");
  });

  test("S-21: a key in the query is none", async () => {
    const res = await makeGuarded({ keys: [KEY] }).ask({}, {}, `/v1/models?api_key=${KEY}`);
    expect(res.status).toBe(401);
  });

  test("/health alone needs none", async () => {
    const { ask } = makeGuarded({ keys: [KEY] });
    expect((await ask({}, {}, "/health")).status).toBe(200);
    for (const path of ["/healthy", "/v1/health", "/health/x", "//health"]) expect((await ask({}, {}, path)).status).toBe(401);
  });

  test("S-24: a weak key is refused at start, without being shown", () => {
    expect(() => checkKey("short-key")).toThrow("The API key has 9 characters. Choose one of at least 16.");
    for (const key of ["with spaces in the key", "ключ-из-кириллицы", "equals=in-the-middle", `${KEY}\n`]) {
      expect(() => makeGuarded({ keys: [key] })).toThrow("holds a character that is not allowed");
    }
    expect(() => checkKey(OTHER)).not.toThrow();
  });
});

describe("content type", () => {
  const post = (headers: Record<string, string>) =>
    makeGuarded().ask(headers, { method: "POST", body: new Uint8Array([123, 125]) });

  const right = [
    "application/json",
    "APPLICATION/JSON",
    "application/json; charset=utf-8",
    'application/json;charset="UTF-8"',
    "application/json; odata=x",
  ];
  test.each(right)("B-05: %s is read", async (type) => {
    expect((await post({ "content-type": type })).status).toBe(200);
  });

  const wrong = [
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/jsonx",
    "text/json",
    "",
  ];
  test.each([...wrong, "application/json, text/plain", "application/json; charset=utf-16", "text/plain; a=application/json"])(
    'B-04, S-09: "%s" is refused',
    async (type) => expectRefusal(await post({ "content-type": type }), 415, "unsupported_media_type"),
  );

  test("B-04: a body without a type is refused, declared or chunked", async () => {
    await expectRefusal(await post({ "content-length": "2" }), 415, "unsupported_media_type");
    await expectRefusal(await post({ "transfer-encoding": "chunked" }), 415, "unsupported_media_type");
  });

  test("a compressed body is refused", async () => {
    await expectRefusal(await post({ ...JSON_TYPE, "content-encoding": "gzip" }), 415, "unsupported_media_type");
    expect((await post({ ...JSON_TYPE, "content-encoding": "identity" })).status).toBe(200);
  });

  test("a POST without a body needs no type", async () => {
    expect((await makeGuarded().ask({}, { method: "POST" })).status).toBe(200);
    expect((await makeGuarded().ask({ "content-length": "0" }, { method: "POST" })).status).toBe(200);
  });
});

describe("size", () => {
  const MIB = 2 ** 20;
  const post = (path: string, length: number) =>
    makeGuarded().ask({ ...JSON_TYPE, "content-length": String(length) }, { method: "POST" }, path);

  test.each([
    ["/v1/threads", MIB],
    ["/v1/chat/completions", 10 * MIB],
    ["/v1/decisions", 10 * MIB],
    ["/v1/embeddings", 10 * MIB],
    ["/v1/rerank", 10 * MIB],
    ["/v2/rerank", 10 * MIB],
  ] as const)("%s takes %d bytes", async (path, limit) => {
    expect((await post(path, limit)).status).toBe(200);
    const res = await post(path, limit + 1);
    expect(res.headers.get("connection")).toBe("close");
    await expectRefusal(res, 413, "request_too_large");
  });

  test.each([
    [50e6, 50e6],
    [2e6, 2e6],
    // No less than every other body.
    [1e6, MIB],
  ])("a body limit of %d lets chats have %d bytes, and nothing else", async (body_limit, limit) => {
    const { ask } = makeGuarded({ body_limit });
    const send = (path: string, length: number) =>
      ask({ ...JSON_TYPE, "content-length": String(length) }, { method: "POST" }, path);
    expect((await send("/v1/chat/completions", limit)).status).toBe(200);
    const refused = await send("/v1/chat/completions", limit + 1);
    expect([refused.status, ((await refused.json()) as any).error.message]).toEqual([
      413,
      `The body is larger than ${limit} bytes. Send less, or have the server started with a larger --body-limit.`,
    ]);
    const other = await send("/v1/threads", MIB + 1);
    expect([other.status, ((await other.json()) as any).error.message]).toEqual([
      413,
      `The body is larger than ${MIB} bytes. Send less.`,
    ]);
  });
});

describe("all of them", () => {
  test("the declared size counts for every method", async () => {
    const { ask, state } = makeGuarded();
    for (const method of ["GET", "DELETE", "POST"]) {
      await expectRefusal(await ask({ ...JSON_TYPE, "content-length": String(2 ** 30) }, { method }), 413, "request_too_large");
    }
    expect(state.ran).toBe(0);
  });

  test("a request that is wrong in every way hears of the first check it fails", async () => {
    const { ask } = makeGuarded({ keys: [KEY] });
    const headers: Record<string, string> = {
      host: "evil.com",
      origin: "https://evil.com",
      authorization: "Bearer wrong",
      "content-type": "text/plain",
      "content-length": String(2 ** 30),
    };
    const codes: unknown[] = [];
    for (const [name, right] of [
      ["host", "localhost"],
      ["origin", "http://localhost"],
      ["authorization", `Bearer ${KEY}`],
      ["content-type", "application/json"],
      ["", ""],
    ]) {
      codes.push(await codeOf(await ask(headers, { method: "POST" })));
      if (name) headers[name] = right!;
    }
    expect(codes).toEqual([
      "host_not_allowed",
      "origin_not_allowed",
      "invalid_api_key",
      "unsupported_media_type",
      "request_too_large",
    ]);
  });

  test.each([
    [200, {}],
    [403, { host: "evil.com" }],
    [415, { "content-type": "a/b" }],
  ] as const)("S-44: a %d carries the headers of every answer", async (status, headers) => {
    const res = await makeGuarded().ask(headers as Record<string, string>, { method: "POST" });
    expect(res.status).toBe(status);
    expect(res.headers.get("x-request-id")).toBe("req_1");
    expect(res.headers.get("x-content-type-options")).toBe("nosniff");
    expect(res.headers.get("cross-origin-resource-policy")).toBe("same-origin");
    expect(res.headers.get("cache-control")).toBe("no-store");
    expect(res.headers.get("content-type")).toStartWith("application/json");
    expect(res.headers.get("x-powered-by")).toBeNull();
  });

  test("a thrown value that is no Error is a 500 with the headers of every answer", async () => {
    const res = await makeGuarded({ origins: [LISTED] }).ask({ origin: LISTED }, {}, "/throw");
    expect(res.headers.get("x-request-id")).toBe("req_1");
    expect(res.headers.get("access-control-allow-origin")).toBe(LISTED);
    await expectRefusal(res, 500, "server_error");
  });

  test("S-39: hostile headers of 100 KB cost next to nothing", async () => {
    const { ask } = makeGuarded({ wide: true, keys: [KEY] });
    const long = 100_000;
    const hostile: Record<string, string>[] = [
      { host: "a.".repeat(long / 2) },
      { host: `[${":".repeat(long)}` },
      { authorization: `Bearer ${"=".repeat(long)}` },
      { authorization: `Bearer${" ".repeat(long)}` },
      { authorization: `Bearer ${KEY}`, "content-type": `application/json${"; charset=utf-8".repeat(long / 16)}` },
    ];
    await ask(hostile[0], { method: "POST" });
    for (const headers of hostile) {
      const begin = performance.now();
      await ask(headers, { method: "POST" });
      expect(performance.now() - begin).toBeLessThan(2_000);
    }
  });
});
