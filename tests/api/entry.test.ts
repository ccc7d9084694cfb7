// What a client meets first: the root, the pages, paths that there are not, and the order in which a request is refused.
import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "bun:test";
import { VIEWER_SHA256 } from "../../src/ui/openapi-explorer.ts";
import { VIEWER_VERSION } from "../../src/ui/viewer-version.ts";
import { errorOf, makeApp } from "../support/app.ts";
import { run, PROGRAM } from "../support/program.ts";
import { reference } from "../support/reference.ts";

const KEY = "sk-0123456789abcdef";
const BROWSER = { accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8" };
const NAVIGATION = { ...BROWSER, "sec-fetch-mode": "navigate", "sec-fetch-dest": "document", "sec-fetch-site": "cross-site" };
const SCRIPT = "/docs/openapi-explorer.js";
const PAGES = ["/", "/docs", "/openapi.json", "/v1/openapi.json", SCRIPT];

describe("GET /", () => {
  test.each(["/", "/v1", "/v1/"])("%s lists the endpoints with their methods", async (path) => {
    const { request } = makeApp();
    const res = await request(path);
    const { data, ...list } = (await res.json()) as { data: { path: string; methods: string[]; summary: string }[] };
    expect(list).toMatchObject({ object: "list", name: "ingle", version: "1.2.3", base_url: "/v1", openapi: "/openapi.json" });
    expect(data).toContainEqual({ path: "/v1/threads", methods: ["GET", "POST"], summary: "List threads; Create a thread" });
    expect(data.map(({ path }) => path)).not.toContain("/v1/import");
  });

  test("is a page where a browser asks, and says that it depends on that", async () => {
    const { request } = makeApp();
    const res = await request("/", { headers: BROWSER });
    expect([res.status, res.headers.get("content-type"), res.headers.get("vary")]).toEqual([
      200,
      "text/html; charset=utf-8",
      "Accept",
    ]);
    const text = await res.text();
    for (const part of ["1.2.3", 'href="/docs"', 'href="/openapi.json"']) expect(text).toContain(part);
  });

  test.each(["*/*", "application/json", "text/html;q=0, */*"])("is a list where %s is accepted", async (accept) => {
    const { request } = makeApp();
    expect((await request("/", { headers: { accept } })).headers.get("content-type")).toBe("application/json");
  });

  test("HEAD is 200 and has no body", async () => {
    const { request } = makeApp();
    const res = await request("/", { method: "HEAD" });
    expect([res.status, await res.text()]).toEqual([200, ""]);
  });
});

describe("the page of the reference", () => {
  test.each(["/", "/docs"])("%s runs scripts of ingle alone, and nobody frames it", async (path) => {
    const { request } = makeApp();
    const policy = (await request(path, { headers: BROWSER })).headers.get("content-security-policy")!;
    expect(policy).toContain("default-src 'none'; script-src 'self';");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/script-src[^;]*unsafe/);
  });

  test("has no script in itself, and names the version of the viewer", async () => {
    const { request } = makeApp();
    const text = await (await request("/docs")).text();
    expect(text).toContain(`src="${SCRIPT}?${VIEWER_VERSION}"`);
    expect([...text.matchAll(/<script(?![^>]* src=)|\bon\w+=/g)]).toEqual([]);
  });

  test.each([{}, { "accept-encoding": "br, gzip" }])(
    "its viewer is that of the package, below a megabyte, with %j",
    async (headers) => {
      const { request } = makeApp();
      const res = await request(SCRIPT, { headers: headers as Record<string, string> });
      const bytes = Buffer.from(await res.arrayBuffer());
      const script = res.headers.get("content-encoding") === "gzip" ? gunzipSync(bytes) : bytes;
      expect(createHash("sha256").update(script).digest("hex")).toBe(VIEWER_SHA256);
      expect(script.toString()).toContain(`OpenAPI Explorer ${VIEWER_VERSION}`);
      expect(script.length).toBeLessThan(1_000_000);
      expect(res.headers.get("cache-control")).toContain("immutable");
      expect(res.headers.get("content-type")).toStartWith("text/javascript");
    },
  );

  test.each(["/openapi.json", "/v1/openapi.json"])("%s is the reference", async (path) => {
    const { request } = makeApp();
    expect(await (await request(path)).json()).toEqual(reference);
  });

  test("the command prints it", async () => {
    const { code, stdout } = await run([...PROGRAM, "openapi"]);
    const { info, ...printed } = JSON.parse(stdout) as { info: object };
    const { info: _, ...document } = reference;
    expect([code, printed]).toEqual([0, document]);
    expect(info).toMatchObject({ title: "ingle" });
  });
});

describe("S-73: an open page", () => {
  test.each(PAGES)("%s asks for no key, by GET and HEAD alone", async (path) => {
    const { request } = makeApp({ guards: { keys: [KEY] } });
    expect((await request(path)).status).toBe(200);
    expect((await request(path, { method: "HEAD" })).status).toBe(200);
    expect((await request(path, { method: "POST" })).status).toBe(401);
  });

  test.each(PAGES)("%s may be come to by a link of another site", async (path) => {
    const { request } = makeApp();
    expect((await request(path, { headers: NAVIGATION })).status).toBe(200);
  });

  test.each([
    ["a script", { "sec-fetch-mode": "cors", "sec-fetch-dest": "empty" }],
    ["a frame", { "sec-fetch-dest": "iframe" }],
    ["a picture", { "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image" }],
  ])("is refused to %s of another site", async (_, headers) => {
    const { request } = makeApp();
    expect((await request("/", { headers: { ...NAVIGATION, ...headers } })).status).toBe(403);
  });

  test.each(["/v1/threads", "/health", "/metrics", "/v1"])("%s is none", async (path) => {
    const { request } = makeApp();
    expect((await request(path, { headers: NAVIGATION })).status).toBe(403);
  });
});

describe("S-74: what is wrong first is said first", () => {
  const TEXT = { method: "POST", body: "x=1", headers: { "content-type": "text/plain" } };
  const LARGE = { method: "POST", body: "{}", headers: { "content-length": String(2 ** 30) } };

  test("without a key it is the key", async () => {
    const { request } = makeApp({ guards: { keys: [KEY] } });
    expect((await request("/nowhere", TEXT)).status).toBe(401);
  });

  test.each([TEXT, LARGE])("then the path, then the method, then the body: %j", async (init) => {
    const { request } = makeApp();
    expect(await errorOf(await request("/nowhere", init))).toMatchObject({ status: 404, code: "unknown_url" });
    expect(await errorOf(await request("/v1/threads", { ...init, method: "PUT" }))).toMatchObject({ status: 405 });
    expect((await request("/v1/threads", init)).status).toBe(init === TEXT ? 415 : 413);
  });
});

describe("a path that there is not", () => {
  test.each([
    ["/chat/completions", "/v1/chat/completions"],
    ["/v1/v1/chat/completions", "/v1/chat/completions"],
    ["/v1/v1/models/org/x", "/v1/models/org/x"],
    ["//v1/models", "/v1/models"],
    ["/openai/v1/threads", "/v1/threads"],
    ["/models/org/x", "/v1/models/org/x"],
  ])("%s was meant for %s", async (path, meant) => {
    const { post } = makeApp();
    const { status, message, code } = await errorOf(await post(path, {}));
    expect([status, code]).toEqual([404, "unknown_url"]);
    expect(message).toBe(`There is nothing at "${path}". The base URL is http://localhost/v1, so that this is "${meant}".`);
  });

  test.each([
    ["/v1/images/generations", "OpenAI's API for making pictures"],
    ["/v1/audio/speech", "OpenAI's API for speech"],
    ["/v1/files", "OpenAI's API for files and jobs"],
    ["/v1/threads/thread_1/runs", "OpenAI's API for runs"],
    ["/api/generate", "Ollama's API"],
    ["/api/v0/models", "LM Studio's own API"],
    ["/props", "llama-server's own API"],
  ])("%s says that ingle lacks %s", async (path, api) => {
    const { post } = makeApp();
    expect((await errorOf(await post(path, {}))).message).toContain(`ingle does not have ${api}. `);
  });

  test("any other one says where all are", async () => {
    const { request } = makeApp();
    const { message } = await errorOf(await request("/nowhere"));
    expect(message).toBe('There is nothing at "/nowhere". GET /v1 lists the endpoints, /docs describes them.');
  });
});
