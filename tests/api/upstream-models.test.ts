// Models that other servers run, as the API and the commands see them: added, listed, shown, asked, removed.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "bun:test";
import { upstream } from "../../adapters/upstream/adapter.ts";
import { normalizeBaseUrl } from "../../models/base-url.ts";
import { Model } from "../../models/manifest.ts";
import { checkFolder } from "../../src/storage/check/check.ts";
import * as v from "valibot";
import { errorOf, makeApp, makeModel, NOW } from "../support/app.ts";
import { startFakeUpstream } from "../support/fake-upstream.ts";
import { openLibrary } from "../support/library.ts";
import { PROGRAM, run } from "../support/program.ts";
import { runtimes } from "../support/runtimes.ts";
import { startServer } from "../support/server.ts";

const OPERATOR = "operator-key-of-the-tests";
const OWNER = { headers: { authorization: `Bearer ${OPERATOR}` } };
const root = mkdtempSync(join(tmpdir(), "ingle-upstream-"));
afterAll(() => rmSync(root, { recursive: true }));

function house(more: Parameters<typeof makeApp>[0] = {}) {
  const adapter = upstream({ env: {}, limits: { backoffs: [50] } });
  const weights = mkdtempSync(join(root, "weights-"));
  const made = makeApp({ models: [], weights, adapter, guards: { operator_key: OPERATOR }, ...more });
  const add = (body: object, init: RequestInit = OWNER) => made.post("/v1/models", body, init);
  const added = async (body: object) => (await (await add(body)).json()) as any;
  const refusal = async (body: object, init?: RequestInit) => errorOf(await add(body, init));
  const get = async (path: string, init: RequestInit = {}) => (await (await made.request(path, init)).json()) as any;
  return { ...made, add, added, refusal, get };
}

test.each([
  ["http://10.0.0.7:8000", "http://10.0.0.7:8000/v1"],
  ["http://10.0.0.7:8000/", "http://10.0.0.7:8000/v1"],
  ["HTTP://Host.Example:80/v1/", "http://host.example/v1"],
  ["https://host/api/openai//", "https://host/api/openai"],
  ["http://[::1]:8000", "http://[::1]:8000/v1"],
])("the address %s is kept as %s", (typed, kept) => {
  expect(normalizeBaseUrl(typed)).toBe(kept);
  expect(normalizeBaseUrl(kept)).toBe(kept);
});

test.each([
  ...[
    "",
    "x",
    "10.0.0.7:8000",
    "ftp://h/v1",
    "file:///v1",
    "http://u@h/v1",
    "http://u:p@h/v1",
    "http://h/v1?x=1",
    "http://h/v1#x",
  ],
  ...["http://h/v1/chat/completions", "http://h/v1/models/", "javascript:alert(1)"],
])("the address %j is refused", async (base_url) => {
  const { refusal, get } = house();
  const error = await refusal({ id: "m", base_url });
  expect(error).toMatchObject({ status: 400, param: "base_url", code: "invalid_value" });
  expect(error.message).not.toContain(":p@");
  expect((await get("/v1/models")).data).toEqual([]);
});

describe("a model that other servers run", () => {
  test("is added without anything being dialled, and shown with what is known of it", async () => {
    const { added, get } = house();
    const there = await startFakeUpstream();
    await there.stop();
    const upstream = { urls: [there.url, "https://b.example/v1"], model: "org/m", key_env: "INGLE_UPSTREAM_B", slots: 3 };
    const base_url = [there.url, "https://b.example", "https://b.example/v1/"];
    const shown = {
      ...{ id: "team/m", object: "model", created: NOW, format: "api", engine: "upstream", state: "stopped" },
      ...{ source_url: there.url, upstream, context_length: null, sources: [] },
      capabilities: [
        ...["chat", "completions", "embeddings", "rerank"],
        ...["images", "tools", "response_format", "grammar", "logprobs", "logit_bias", "samplers", "choices"],
      ],
    };
    const { urls: _, ...more } = upstream;
    expect(await added({ id: "team/m", base_url, ...more })).toMatchObject(shown);
    expect(await get("/v1/models/team%2Fm", OWNER)).toMatchObject(shown);
    expect((await get("/v1/models", OWNER)).data).toMatchObject([shown]);
    expect((await get("/v1/models/team%2Fm")).fit).toBeUndefined();
    expect(await get("/health")).toMatchObject({ status: "ok", models: { installed: 1, running: 0 } });
  });

  test("is shown to others without the addresses, the key's variable and the name there", async () => {
    const { added, get } = house();
    const base_url = ["http://10.0.0.7:8000/v1", "https://b.example/v1"];
    await added({ id: "m", base_url, model: "org/there", key_env: "INGLE_UPSTREAM_B", slots: 3 });
    for (const path of ["/v1/models/m", "/v1/models", "/v1/models?catalog=true&limit=100", "/v1/ps"]) {
      const text = JSON.stringify(await get(path));
      for (const inside of ["10.0.0.7", "b.example", "INGLE_UPSTREAM_B", "org/there"]) expect(text).not.toContain(inside);
    }
    expect(await get("/v1/models/m")).toMatchObject({ id: "m", source_url: "urn:ingle:m", engine: "upstream", sources: [] });
  });

  test("is the owner's alone to add, whatever downloads may do", async () => {
    for (const settings of [{}, { allow_private: true }]) {
      const { refusal, get } = house(settings);
      const error = await refusal({ id: "m", base_url: "https://h/v1" }, {});
      expect(error).toMatchObject({ status: 403, param: "base_url", code: "url_not_allowed" });
      expect((await get("/v1/models")).data).toEqual([]);
    }
  });

  const base_url = "http://h:1/v1";
  test.each<[object, string]>([
    [{ base_url }, "id"],
    [{ id: "m", base_url: [] }, "base_url"],
    [{ id: "m", base_url: [base_url, "nope"] }, "base_url"],
    [{ id: "m", base_url: Array.from({ length: 101 }, (_, n) => `http://h:${n + 1}/v1`) }, "base_url"],
    [{ id: "m", base_url, model: "" }, "model"],
    [{ id: "m", base_url, slots: 0 }, "slots"],
    [{ id: "m", base_url, slots: 1.5 }, "slots"],
    [{ id: "m", base_url, key_env: "AWS_SECRET_ACCESS_KEY" }, "key_env"],
    [{ id: "m", base_url, key_env: "INGLE_KEY" }, "key_env"],
    [{ id: "m", base_url, key_env: "INGLE_UPSTREAM_" }, "key_env"],
    [{ id: "m", base_url, repo: "a/b" }, "repo"],
    [{ id: "m", base_url, path: "/x" }, "path"],
    [{ id: "m", base_url, sha256: "a".repeat(64) }, "sha256"],
    [{ id: "m", base_url, download: true }, "download"],
    [{ id: "m", base_url, allow_private: true }, "allow_private"],
    [{ repo: "a/b", slots: 3 }, "slots"],
    [{ repo: "a/b", key_env: "INGLE_UPSTREAM_A" }, "key_env"],
    [{ source_url: "https://h/a.gguf", model: "x" }, "model"],
  ])("%j is refused for its %s", async (body, param) => {
    const { refusal, get } = house();
    expect(await refusal(body)).toMatchObject({ status: 400, param });
    expect((await get("/v1/models")).data).toEqual([]);
  });

  test("is the same when it is added again, and no other takes its place", async () => {
    const { added, refusal } = house();
    const m = { id: "m", base_url, slots: 2 };
    await added(m);
    expect(await added({ ...m, base_url: [`${base_url}/`] })).toMatchObject({
      id: "m",
      upstream: { urls: [base_url], slots: 2 },
    });
    for (const other of [
      { ...m, slots: 3 },
      { ...m, base_url: [base_url, "http://h:2/v1"] },
      { ...m, model: "x" },
      { id: "m", base_url },
    ])
      expect(await refusal(other)).toMatchObject({ status: 409, code: "model_exists", param: "id" });
    for (const other of [
      { id: "m", repo: "a/b" },
      { id: "m", source_url: "https://h/a.gguf" },
    ])
      expect(await refusal(other)).toMatchObject({ status: 409, code: "model_exists" });
    await added({ id: "files", repo: "a/b" });
    expect(await refusal({ id: "files", base_url })).toMatchObject({ status: 409, code: "model_exists" });
  });

  test("has nothing to be downloaded, and goes when it is deleted", async () => {
    const { added, request, get } = house();
    await added({ id: "m", base_url });
    for (const [path, method] of [
      ["", "POST"],
      ["", "GET"],
      ["/events", "GET"],
    ] as const) {
      const headers = { "sec-fetch-site": "same-origin" };
      const error = await errorOf(await request(`/v1/models/download/m${path}`, { method, headers }));
      expect(error).toMatchObject({ code: path === "" ? "model_not_downloadable" : expect.any(String) });
      expect(error.status).toBeGreaterThanOrEqual(400);
    }
    expect((await request("/v1/models/m", { method: "DELETE" })).status).toBe(200);
    expect((await request("/v1/models/m", { method: "DELETE" })).status).toBe(404);
    expect((await get("/v1/models")).data).toEqual([]);
  });

  test("is a damaged record where it has files too, or neither, or a variable that is none for keys", async () => {
    const one = makeModel("m", { files: [], upstream: { urls: [base_url] } });
    expect(v.is(Model, one)).toBe(true);
    const files = [{ name: "a.gguf", sources: [] }];
    const bad = [{ files }, { upstream: undefined }, { upstream: { urls: [] } }, { upstream: { urls: ["http://h:1"] } }];
    for (const more of [...bad, { upstream: { urls: [base_url], key_env: "HOME" } }]) {
      expect(v.is(Model, { ...one, ...more })).toBe(false);
      const { get } = house({ models: [{ ...one, ...more } as Model] });
      expect((await get("/v1/models")).data).toMatchObject([{ id: "m", state: "damaged" }]);
    }
  });

  test("in a data folder is sound to `check`, and needs no weights", async () => {
    const folder = mkdtempSync(join(root, "data-"));
    const library = await openLibrary(folder);
    await library.addWithoutDownload(makeModel("m", { files: [], upstream: { urls: [base_url] }, source_url: base_url }));
    expect(await library.resolve((await library.get("m"))!)).toEqual({
      ...{ id: "m", path: "", upstream: { urls: [base_url] }, settings: {} },
    });
    await library.close();
    expect(await checkFolder(folder, { in_use: false })).toMatchObject({ findings: [], sound: { models: 1 } });
  });
});

const usable = runtimes().filter(({ skip }) => skip === undefined);

describe.each(usable)("the program on $name", (runtime) => {
  test("serves it: added, listed, started, asked, shown as running, stopped, removed", async () => {
    const there = await startFakeUpstream("big");
    const data = mkdtempSync(join(root, "program-"));
    const server = await startServer(runtime, [], { data, env: { INGLE_UPSTREAM_T: "sesame" } });
    try {
      const ingle = (...words: string[]) => run([...PROGRAM, ...words, "--data", data]);
      const add = ["add", "far", "--base-url", `${there.url}/`, "--as", "big", "--key-env", "INGLE_UPSTREAM_T", "--slots", "2"];
      expect(await ingle(...add)).toMatchObject({ code: 0, stdout: `far is run by ${there.url}.\n` });
      expect((await ingle("list")).stdout).toMatch(/^far +none +\? +\? +\? +\? +\? +none +on another server$/m);
      const shown = (await ingle("show", "far")).stdout;
      for (const line of [/^Adapter +upstream$/m, /^Name there +big$/m, /^Key in +INGLE_UPSTREAM_T$/m, /^Requests each +2$/m])
        expect(shown).toMatch(line);
      expect(await ingle("pull", "far")).toMatchObject({ code: 1, stderr: expect.stringContaining("nothing to be downloaded") });
      const answer = await server.chat({ model: "far", messages: [{ role: "user", content: "hi" }] });
      const { choices, usage } = (await answer.json()) as any;
      expect(choices[0]).toMatchObject({ message: { content: "hello" }, finish_reason: "stop" });
      expect(usage).toMatchObject({ prompt_tokens: 7, completion_tokens: 2, prompt_tokens_details: { cached_tokens: 3 } });
      expect(there.chats[0]!.headers.authorization).toBe("Bearer sesame");
      expect(there.chats[0]!.body.model).toBe("big");
      expect((await ingle("ps")).stdout).toMatch(/^far +running +upstream +\? +\? +\? +0\/2 /m);
      for (const [action, state] of [
        ["stop", "stopped"],
        ["start", "running"],
      ] as const) {
        const res = await fetch(`${server.url}/v1/models/far/${action}`, { method: "POST" });
        expect(await res.json()).toMatchObject({ id: "far", state });
      }
      there.behave({ kind: "status", status: 429, headers: { "retry-after": "9" } });
      const busy = await server.chat({ model: "far", messages: [{ role: "user", content: "hi" }] });
      expect([busy.status, busy.headers.get("retry-after")]).toEqual([429, "9"]);
      there.behave({ kind: "cut" });
      const cut = await server.chat({ model: "far", stream: true, messages: [{ role: "user", content: "hi" }] });
      expect(await cut.text()).toMatch(/"content":"hel"[\s\S]*data: \{"error":\{[^\n]*"code":"upstream_error"[^\n]*\}\n\n$/);
      expect(await ingle("rm", "far")).toMatchObject({ code: 0, stdout: "far is removed.\n" });
      expect((await server.chat({ model: "far", messages: [{ role: "user", content: "hi" }] })).status).toBe(404);
    } finally {
      expect(await server.stop()).toBe(0);
      await there.stop();
    }
  }, 120_000);
});

test("without a server, `add` writes to the data folder, and says what is wrong", async () => {
  const data = mkdtempSync(join(root, "alone-"));
  const ingle = (...words: string[]) => run([...PROGRAM, "add", ...words, "--data", data]);
  expect(await ingle("m", "--base-url=http://a:1,http://b:2/v1")).toMatchObject({
    ...{ code: 0, stdout: "m is run by http://a:1/v1, http://b:2/v1.\n" },
  });
  expect(await ingle("m", "--base-url=http://a:1")).toMatchObject({ code: 1, stderr: expect.stringContaining("another model") });
  expect(await ingle("n")).toMatchObject({ code: 2 });
  expect(await ingle("n", "--base-url=http://a:1", "--slots=x")).toMatchObject({ code: 2 });
  expect(await ingle("n", "--base-url=http://a:1", "--key-env=HOME")).toMatchObject({
    ...{ code: 1, stderr: expect.stringContaining("INGLE_UPSTREAM_") },
  });
}, 60_000);
