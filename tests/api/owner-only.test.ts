// What only the owner is told: paths of this machine, addresses, what engines and other servers print. Clients get an answer without it, the
// log and the owner's own commands get all of it.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "bun:test";
import { AdapterError } from "../../adapters/adapter.ts";
import type { AdapterErrorCode } from "../../adapters/error-options.ts";
import { childProcess } from "../../adapters/child-process/adapter.ts";
import { findLlamaServer } from "../../adapters/llama-server/find-program.ts";
import { loadError } from "../../adapters/llama-server/process.ts";
import { toAdapterError } from "../../adapters/llama-server/errors.ts";
import { contextExceeded } from "../../adapters/shared/context-exceeded.ts";
import { fromWireError, toWireError } from "../../adapters/shared/wire-error.ts";
import { upstream } from "../../adapters/upstream/adapter.ts";
import { createPublicLookup } from "../../models/download/public-lookup.ts";
import type { InstalledModel, Model } from "../../models/manifest.ts";
import type { SourceError } from "../../models/download-errors.ts";
import { HI, makeApp, makeModel } from "../support/app.ts";
import { fakeAdapter } from "../support/fake-adapter.ts";
import { startFakeUpstream } from "../support/fake-upstream.ts";
import { framesOf } from "../support/frames.ts";
import { failure } from "../support/records.ts";
import { eventually } from "../support/server.ts";
import { tinyGguf } from "../support/tiny-gguf.ts";

const OPERATOR = "operator-key-of-the-tests";
const OWNER = { headers: { authorization: `Bearer ${OPERATOR}` } };
const root = mkdtempSync(join(tmpdir(), "ingle-secret-"));
afterAll(() => rmSync(root, { recursive: true }));

const made = (more: Parameters<typeof makeApp>[0] = {}) => makeApp({ guards: { operator_key: OPERATOR }, ...more });
const messageOf = async (res: Response): Promise<string> => ((await res.json()) as any).error.message;

describe("an error of an engine", () => {
  const SECRET = "/srv/models/secret.gguf at 10.9.8.7";
  const error = (code: AdapterErrorCode) =>
    new AdapterError(code, `It ended with words about ${SECRET}.`, { public_message: "It ended." });

  test.each(["engine_crashed", "engine_unavailable", "model_load_failed", "upstream_error", "request_refused"] as const)(
    "%s at a load: clients get the short sentence, at once and in the pause that follows; the owner and the log get all",
    async (code) => {
      const { adapter, loads } = fakeAdapter();
      adapter.load = () => Promise.reject(error(code));
      const { chat, post, log } = made({ adapter });
      for (const ask of [chat, chat, () => chat({ stream: true }), () => post("/v1/models/tiny/start", {})]) {
        const message = await messageOf(await ask());
        expect(message).toEndWith("It ended.");
        expect(message).not.toContain("secret");
      }
      for (const ask of [() => chat({}, OWNER), () => post("/v1/models/tiny/start", {}, OWNER)])
        expect(await messageOf(await ask())).toEndWith(`It ended with words about ${SECRET}.`);
      if (code !== "request_refused") expect(JSON.stringify(log)).toContain(SECRET);
      expect(loads).toHaveLength(0);
    },
  );

  test("that nobody has foreseen: the owner, whose command may have no log, reads what it says", async () => {
    const { adapter } = fakeAdapter();
    adapter.load = () => Promise.reject(new TypeError(`unexpected ${SECRET}`));
    const { chat } = made({ adapter });
    expect(await messageOf(await chat())).not.toContain("secret");
    expect(await messageOf(await chat({}, OWNER))).toContain(`unexpected ${SECRET}`);
  });

  test("amid a stream: the same in its event", async () => {
    const { adapter, generation } = fakeAdapter();
    const { chat } = made({ adapter });
    for (const [at, init, said] of [
      [0, {}, "It ended."],
      [1, OWNER, `It ended with words about ${SECRET}.`],
    ] as const) {
      const asked = chat({ stream: true }, init);
      (await generation(at)).say("a");
      const res = await asked;
      (await generation(at)).fail(error("engine_crashed"));
      expect((await framesOf(res)).data.at(-1)).toMatchObject({ error: { code: "engine_crashed", message: said } });
    }
  });

  test("three deaths: the pause that follows says nothing more", async () => {
    const { adapter, load, generation } = fakeAdapter();
    const { chat } = made({ adapter });
    for (let n = 0; n < 3; n++) {
      const asked = chat();
      await generation(n);
      (await load(n)).die(error("engine_crashed"));
      expect(await messageOf(await asked)).toBe("It ended.");
    }
    const paused = await messageOf(await chat());
    expect(paused).toEndWith("Its engine died 3 times: It ended.");
    expect(await messageOf(await chat({}, OWNER))).toEndWith(`Its engine died 3 times: It ended with words about ${SECRET}.`);
  });

  test("keeps the counts of a long prompt on its way between processes", () => {
    const counted = contextExceeded({ n_prompt_tokens: 9, n_ctx: 8 });
    expect(fromWireError(toWireError(counted))).toMatchObject({ context: { n_prompt_tokens: 9, n_ctx: 8 } });
  });

  test("keeps both sentences on its way between processes", () => {
    expect(fromWireError(toWireError(error("model_load_failed")))).toMatchObject({
      message: `It ended with words about ${SECRET}.`,
      public_message: "It ended.",
    });
  });
});

describe("what engines print, and where they lie", () => {
  /** The error that `work` throws, as clients get it. */
  const toldBy = async (work: Promise<unknown>): Promise<string> => {
    const { message, public_message } = await failure<AdapterError>(work);
    expect(public_message).toBeDefined();
    expect(message).not.toBe(public_message!);
    return public_message!;
  };

  test("a llama-server that cannot be used", async () => {
    const programs: Record<string, string | undefined> = {
      absent: undefined,
      "not executable": "#!/bin/sh\n",
      "of another kind": "#!/bin/sh\necho secret of /srv\n",
      broken: "#!/bin/sh\necho secret of /srv >&2\nexit 3\n",
    };
    for (const [name, text] of Object.entries(programs)) {
      const named = join(root, name.replaceAll(" ", "-"));
      if (text !== undefined) writeFileSync(named, text);
      if (text !== undefined && name !== "not executable") chmodSync(named, 0o700);
      const told = await toldBy(findLlamaServer({ named, env: process.env }));
      expect(told).toBe("The llama-server of this server cannot be used. Its log says why.");
    }
  });

  test("a llama-server that refuses a file, or fails", () => {
    const end = { code: 1, how: "code 1", lines: ["failed to open /srv/secret.gguf", "another"] };
    const refused = loadError("m", "/srv/secret.gguf", end);
    expect(refused.public_message).toBe(
      'Model "m" cannot be loaded: the engine ended with code 1 while reading it. The server\'s log says why.',
    );
    expect(refused.message).toContain("another");
    const failed = toAdapterError({ type: "server_error", message: "at /srv/x.cpp:7", error: {} }, 500, { id: "m" });
    expect([failed.public_message, failed.message]).toEqual([
      'The engine of model "m" failed at this request. The server\'s log says why.',
      'The engine of model "m" failed at this request: at /srv/x.cpp:7',
    ]);
  });

  test("an engine's process that cannot be started", async () => {
    const program = join(root, "no-such-program");
    const adapter = childProcess({ name: "x", command: () => ({ program, args: [] }), env: {} });
    const load = adapter.load({ id: "m", path: "", settings: {} }, { slots: 1, context: 8 }, new AbortController().signal);
    expect(await toldBy(load)).toBe('The engine of model "m" cannot be started. The server\'s log says why.');
  });
});

describe("a model that other servers run", () => {
  const resolve = async ({ id, upstream, settings }: Model): Promise<InstalledModel> => ({ id, path: "", upstream, settings });
  const URLS = { key_env: "INGLE_UPSTREAM_OWN", model: "org/there" };

  test("whatever is wrong there, clients do not learn which server it is, nor what it says of itself", async () => {
    const there = await startFakeUpstream("org/there");
    const adapter = upstream({
      env: { INGLE_UPSTREAM_OWN: "sesame" },
      limits: { backoffs: [1], connect_ms: 200, first_ms: 200 },
    });
    const body = JSON.stringify({ error: { message: "Traceback at /srv/vllm/engine.py on 10.9.8.7" } });
    const says = (status: number) => ({ kind: "status", status, body, headers: { location: "http://10.9.8.7/" } }) as const;
    const behaviours = [301, 401, 403, 402, 404, 429, 500, 502, 503].map(says);
    const others = [{ kind: "hangs" }, { kind: "resets" }, { kind: "says", type: "text/html", body: "<p>10.9.8.7" }] as const;
    const { store, chat, log } = made({ adapter, models: [], pool: { resolve } });
    await store.models.put(makeModel("m", { files: [], upstream: { urls: [there.url], ...URLS } }));
    const told: string[] = [];
    for (const behaviour of [...behaviours, ...others]) {
      there.behave(behaviour);
      const message = await messageOf(await chat({ model: "m" }));
      expect(message).toStartWith("The server that runs this model ");
      for (const inside of [there.host, "127.0.0.1", "10.9.8.7", "/srv", "INGLE_UPSTREAM_OWN", "org/there", "sesame"])
        expect(message).not.toContain(inside);
      told.push(await messageOf(await chat({ model: "m" }, OWNER)));
      expect(told.at(-1)).toContain(there.host);
    }
    expect(told[1]).toContain("INGLE_UPSTREAM_OWN");
    expect(told[6]).toContain("Traceback at /srv/vllm/engine.py");
    expect(JSON.stringify(log)).toContain(there.host);
    await there.stop();
    expect(await messageOf(await chat({ model: "m" }))).not.toContain(there.host);
  });

  test("whose key is missing or refused, or which is not there, at its load", async () => {
    const there = await startFakeUpstream("org/there");
    for (const [env, listed] of [
      [{}, 200],
      [{ INGLE_UPSTREAM_OWN: "se\u0007same" }, 200],
      [{ INGLE_UPSTREAM_OWN: "sesame" }, 401],
      [{ INGLE_UPSTREAM_OWN: "sesame" }, 404],
      [{ INGLE_UPSTREAM_OWN: "sesame" }, undefined],
    ] as const) {
      if (listed === undefined) await there.stop();
      else there.lists(listed, { error: { message: "at /srv" } });
      const { store, chat, request, post } = made({ adapter: upstream({ env }), models: [], pool: { resolve } });
      await store.models.put(makeModel("m", { files: [], upstream: { urls: [there.url], ...URLS } }));
      const refused = await chat({ model: "m" });
      // What a person has to set right is not asked for again.
      expect(refused.headers.get("x-should-retry")).toBe(listed === undefined ? null : "false");
      const texts = [await refused.text(), await (await request("/v1/models/m")).text(), await (await request("/v1/ps")).text()];
      texts.push(await (await post("/v1/models/download/m", {})).text());
      for (const inside of [there.host, "INGLE_UPSTREAM_OWN", "org/there", "/srv"]) expect(texts.join()).not.toContain(inside);
    }
  });

  test("what is wrong with a request is told: only its client can mend it", async () => {
    const there = await startFakeUpstream("org/there");
    const adapter = upstream({ env: { INGLE_UPSTREAM_OWN: "sesame" } });
    const { store, chat } = made({ adapter, models: [], pool: { resolve } });
    await store.models.put(makeModel("m", { files: [], upstream: { urls: [there.url], ...URLS } }));
    there.behave({ kind: "status", status: 400, body: '{"error": {"message": "temperature must be at most 2"}}' });
    const res = await chat({ model: "m" });
    expect([res.status, await messageOf(res)]).toEqual([
      400,
      "The server that runs this model says: temperature must be at most 2",
    ]);
    await there.stop();
  });
});

describe("a download", () => {
  test("that has no room: the client gets the numbers, the owner also the folder", async () => {
    const weights = join(root, "weights");
    mkdirSync(weights, { recursive: true });
    const { request, post } = made({ models: [], weights, download: { free: async () => 0 } });
    const hub = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response(tinyGguf()) });
    await post("/v1/models", { id: "a", source_url: `http://127.0.0.1:${hub.port}/a.gguf`, allow_private: true }, OWNER);
    await post("/v1/models/download/a", {});
    const end = async (init = {}): Promise<any> =>
      (await framesOf(await request("/v1/models/download/a/events", init))).data.at(-1);
    await eventually("it has failed", async () => (await end()).state === "failed");
    const [client, owner] = [await end(), await end(OWNER)];
    expect(client.error.code).toBe("insufficient_storage");
    expect(client.error.message).toContain("The disk has too little room: ");
    expect(JSON.stringify(client)).not.toContain(root);
    expect(Object.keys(client.error)).toEqual(["message", "code"]);
    expect(owner.error.message).toContain(`The disk of ${weights}`);
    await hub.stop(true);
  });

  test("from a name that leads into this network: what it resolves to is not told", async () => {
    const { promise, resolve } = Promise.withResolvers<Error | null>();
    createPublicLookup()("localhost", {}, resolve);
    const { message, public_message } = (await promise) as SourceError;
    expect(message).toMatch(/^localhost leads to (127\.0\.0\.1|::1), an address inside/);
    expect(public_message).toStartWith("localhost leads to an address inside");
  });
});

test("a model of an address in this network, or with a key in it: others see neither", async () => {
  const { post, request } = made({ models: [], weights: root });
  const shown = async (init = {}): Promise<any[]> =>
    ((await (await request("/v1/models?catalog=true&limit=100", init)).json()) as any).data;
  const urls: Record<string, [typed: string, told: string]> = {
    a: ["https://192.168.0.7/a.gguf", "urn:ingle:a"],
    b: ["https://mirror.localhost/b.gguf", "urn:ingle:b"],
    c: ["https://example.org/c.gguf?signature=secret", "https://example.org/c.gguf"],
    d: ["https://example.org/d.gguf", "https://example.org/d.gguf"],
  };
  for (const [id, [source_url]] of Object.entries(urls)) await post("/v1/models", { id, source_url, allow_private: true }, OWNER);
  const [client, owner] = [await shown(), await shown(OWNER)];
  for (const [id, [typed, told]] of Object.entries(urls)) {
    const of = (list: any[]) => list.find((each) => each.id === id);
    expect(of(client)).toMatchObject({ source_url: told, sources: [{ type: "url", filename: `${id}.gguf` }] });
    expect(of(client).sources[0].url).toBe(told.startsWith("urn:") ? undefined : told);
    expect(of(owner)).toMatchObject({ source_url: typed, sources: [{ url: typed }] });
  }
});

test("a file that is used in place: where it lies is shown to the owner alone", async () => {
  const path = join(root, "mine.gguf");
  writeFileSync(path, tinyGguf());
  const { post, request } = made({ models: [], weights: root });
  expect(((await (await post("/v1/models", { id: "mine", path }, OWNER)).json()) as any).source_url).toBe(`file://${path}`);
  for (const url of ["/v1/models/mine", "/v1/models", "/v1/models?catalog=true", "/health", "/v1/ps", "/metrics"])
    expect(await (await request(url)).text()).not.toContain(root);
  expect(await (await request("/v1/models/mine")).json()).toMatchObject({ source_url: "urn:ingle:mine" });
  expect(await (await request("/v1/models/mine", OWNER)).json()).toMatchObject({ source_url: `file://${path}` });
  rmSync(path);
  const refused = await post("/v1/chat/completions", { model: "mine", messages: HI });
  expect(await refused.text()).not.toContain(root);
});
