// `--adapter auto` where llama-server dies on this machine's processor: the embedded engine answers, and requests are checked against it.
import { describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AdapterError } from "../../adapters/adapter.ts";
import { createAuto, type Candidate } from "../../adapters/auto.ts";
import { echo } from "../../adapters/echo.ts";
import type { Model } from "../../models/manifest.ts";
import { createAdapters } from "../../src/server/adapters.ts";
import { createLog } from "../../src/support/log/log.ts";
import type { Config } from "../../src/server/settings.ts";
import { collect } from "../support/collect.ts";
import { makeApp, makeModel } from "../support/app.ts";
import { withLibrary } from "../support/library.ts";
import { PROGRAM, run, RUNTIME } from "../support/program.ts";
import { record } from "../support/record.ts";
import { startServer } from "../support/server.ts";
import { thrownBy } from "../support/model-pool.ts";
import { ask, tinyModel } from "../support/models.ts";

const FAKE = `exec "${process.execPath}" "${join(import.meta.dirname, "../support/fake-llama-server.ts")}" "$@"`;
const VERSION = `if [ "$1" = --version ]; then echo "version: 0.0.0 (stand-in)"; exit 0; fi`;
const DIES = `${VERSION}; kill -ILL $$`;
/** As where one model's file is damaged. */
const DIES_WITH_SOME = `case "$*" in *ingle-proof-*|--version*) ${FAKE};; *) kill -ILL $$;; esac`;
const TOOLS = [{ type: "function", function: { name: "f", parameters: { type: "object" } } }];

function standIn(script: string) {
  const path = join(mkdtempSync(join(tmpdir(), "ingle-stand-in-")), "llama-server");
  const write = (text: string): void => {
    writeFileSync(path, `#!/bin/sh\n${text}\n`);
    chmodSync(path, 0o755);
  };
  write(script);
  return { path, write };
}

/** A server with two models on a machine with that llama-server. */
async function server(script: string, adapter: Config["adapter"] = "auto") {
  const { path, write } = standIn(script);
  const lines: string[] = [];
  const adapters = createAdapters(
    { adapter, llama_server: path },
    createLog((line) => lines.push(line)),
  );
  const installed = await tinyModel();
  const { adapterOf, notice: adapterNotice } = adapters;
  const resolve = async ({ id }: { id: string }) => ({ ...installed, id });
  const models = [makeModel("tiny"), makeModel("other")];
  const app = makeApp({ models, adapterOf, adapterNotice, pool: { adapterOf, resolve } });
  const warnings = (): unknown[] => lines.map((line) => JSON.parse(line)).filter(({ level }) => level === "warn");
  const loaded = async () => (await app.request("/v1/ps")).json();
  const chat = (model: string, fields: object = {}) => app.chat({ model, max_tokens: 4, ...fields });
  return { ...app, chat, warnings, loaded, path, write, close: () => app.pool.close(0) };
}

const NOTICE =
  "llama-server does not compute right on this machine: it ended with signal SIGILL. " +
  "node-llama-cpp runs the models until llama-server is built anew or the server restarts.";

describe("where llama-server dies with every model", () => {
  test("the embedded engine answers, and the log and GET /v1/ps say so once", async () => {
    const { chat, request, warnings, loaded, close } = await server(DIES);
    expect((await request("/v1/models/tiny").then((answer) => answer.json())).engine).toBe("llama-server");
    expect((await loaded()).notice).toBeUndefined();
    expect((await chat("tiny")).status).toBe(200);
    expect((await chat("other")).status).toBe(200);
    expect(warnings()).toMatchObject([{ message: NOTICE }]);
    expect(await loaded()).toMatchObject({ notice: NOTICE, data: [{ id: "other" }, { id: "tiny" }] });
    expect((await request("/v1/models/tiny").then((answer) => answer.json())).engine).toBe("node-llama-cpp");
    await close();
  });

  test("a request for what llama-server alone has is a 400, both the one that finds it out and those after it", async () => {
    const { chat, close } = await server(DIES);
    for (const _ of ["first", "second"]) {
      const answer = await chat("tiny", { mirostat: 2 });
      expect(answer.status).toBe(400);
      expect(await answer.json()).toMatchObject({ error: { param: "mirostat", code: "unsupported_parameter" } });
    }
    expect((await chat("tiny", { tools: TOOLS })).status).toBe(200);
    await close();
  });

  test("it gets the models back once it is built anew", async () => {
    const { chat, pool, loaded, path, write, close } = await server(DIES);
    expect((await chat("tiny")).status).toBe(200);
    write(FAKE);
    utimesSync(path, 1, 1);
    await pool.unload("tiny");
    expect((await (await chat("tiny")).json()).choices[0].message.content).toBe("hello");
    expect((await loaded()).notice).toBeUndefined();
    await close();
  });
});

test("ingle ps says it beside the models that are loaded", async () => {
  const data = mkdtempSync(join(tmpdir(), "ingle-fallback-"));
  const { path } = await tinyModel();
  await withLibrary(data, (library) => library.add(record("mine", path)));
  const program = standIn(DIES).path;
  const running = await startServer(RUNTIME, [], { data, env: { INGLE_ADAPTER: "auto", INGLE_LLAMA_SERVER: program } });
  try {
    const ps = () => run([...PROGRAM, "ps"], { env: { INGLE_DATA: data } });
    expect((await ps()).stderr).toBe("No model is loaded. The first request to one loads it.\n");
    const answer = await running.chat({ model: "mine", messages: [{ role: "user", content: "hi" }], max_tokens: 2 });
    expect(answer.status).toBe(200);
    expect(await ps()).toMatchObject({ code: 0, stderr: `${NOTICE}\n`, stdout: expect.stringMatching(/^mine +running/m) });
  } finally {
    await running.stop();
  }
}, 120_000);

describe("an error stays an error", () => {
  test("where llama-server is pinned by the settings", async () => {
    const { chat, warnings, close } = await server(DIES, "llama-server");
    const answer = await chat("tiny");
    expect([answer.status, (await answer.json()).error.code]).toEqual([500, "model_load_failed"]);
    expect(warnings()).toEqual([]);
    await close();
  });
  test("where llama-server computes and one model kills it", async () => {
    const { chat, warnings, loaded, close } = await server(DIES_WITH_SOME);
    const answer = await chat("tiny");
    expect([answer.status, (await answer.json()).error.code]).toEqual([500, "model_load_failed"]);
    expect(warnings()).toEqual([]);
    expect((await loaded()).notice).toBeUndefined();
    await close();
  });
});

test("a model that is loaded keeps what it can do when another one finds the adapter broken", async () => {
  let dies = false;
  const first = echo();
  const capable: Candidate = {
    adapter: {
      ...{ ...first, name: "first", capabilities: () => ["tools"] },
      load: async (...args) => {
        if (dies) throw new AdapterError("model_load_failed", "No.");
        return first.load(...args);
      },
    },
    computeFailure: async () => (dies ? "it ended with signal SIGILL" : undefined),
  };
  const auto = createAuto([capable, { adapter: echo() }], () => {});
  const [one, two] = [makeModel("one"), makeModel("two")];
  const load = async (model: Model) =>
    auto.adapterOf(model).load(await tinyModel(), { slots: 1, context: 512 }, AbortSignal.timeout(5_000));
  const engine = await load(one);
  dies = true;
  await load(two);
  expect([auto.adapterOf(one).name, auto.adapterOf(one).capabilities(one)]).toEqual(["first", ["tools"]]);
  expect([auto.adapterOf(two).name, auto.adapterOf(two).capabilities(two)]).toEqual(["echo", ["decisions"]]);
  await engine.close();
  await engine.closed;
  expect(auto.adapterOf(one).name).toBe("echo");
});

test("a load that is given up while its adapter is tried starts no other one", async () => {
  const stop = new AbortController();
  const gone = new Error("gone");
  let loads = 0;
  const dying: Candidate = {
    adapter: { ...echo(), name: "first", load: () => Promise.reject(new AdapterError("model_load_failed", "No.")) },
    async computeFailure() {
      stop.abort(gone);
      return "it ended with signal SIGILL";
    },
  };
  const counted: Candidate = { adapter: { ...echo(), load: async (...args) => (loads++, echo().load(...args)) } };
  const auto = createAuto([dying, counted], () => {});
  const loading = auto.adapterOf(makeModel("one")).load(await tinyModel(), { slots: 1, context: 512 }, stop.signal);
  expect(await thrownBy(loading)).toBe(gone);
  expect(loads).toBe(0);
});

describe("a request that was admitted for a more capable engine", () => {
  const failing = {
    adapter: { ...echo(), name: "first", load: () => Promise.reject(new AdapterError("model_load_failed", "No.")) },
    computeFailure: async () => "it ended with signal SIGILL",
  };
  const load = async () =>
    createAuto([failing, { adapter: echo() }], () => {})
      .adapterOf(makeModel("tiny"))
      .load(await tinyModel(), { slots: 1, context: 512 }, AbortSignal.timeout(5_000));
  const refused = async (more: Parameters<typeof ask>[1], messages: Parameters<typeof ask>[0] = "hi") => {
    const engine = await load();
    const answering = async () => collect(engine.chat(ask(messages, more), AbortSignal.timeout(5_000)));
    return (await thrownBy(answering())) as AdapterError;
  };

  test("is refused with the name of the field", async () => {
    expect(await refused({ grammar: 'root ::= "a"' })).toMatchObject({ code: "request_unsupported", param: "grammar" });
    expect(await refused({ samplers: { mirostat: 2 } })).toMatchObject({ code: "request_unsupported", param: "mirostat" });
    expect(await refused({ choices: { count: 2, at_once: 1 } })).toMatchObject({ code: "request_unsupported", param: "n" });
    const regex = { response_format: { type: "regex", regex: "a" } } as const;
    expect(await refused(regex)).toMatchObject({ code: "request_unsupported", param: "response_format" });
    const image = { role: "user" as const, content: [{ type: "image_url" as const, image_url: { url: "data:," } }] };
    expect(await refused({}, [image])).toMatchObject({ code: "request_unsupported", param: "messages[0].content" });
  });
  test("is asked of the adapter that would answer it, what it passes over", async () => {
    const passing = { ...echo(), passedOver: () => ["tools[0].function.parameters#/uniqueItems"] };
    const [known, none] = [passing, echo()].map((adapter) => createAuto([{ adapter }], () => {}).adapterOf(makeModel("tiny")));
    const request = { ...ask("hi"), cache_scope: "" };
    expect(await known!.passedOver!(request, makeModel("tiny"))).toEqual(passing.passedOver());
    expect(await none!.passedOver!(request, makeModel("tiny"))).toEqual([]);
  });

  test("is answered where it asks for plain chat", async () => {
    expect((await collect((await load()).chat(ask("hi"), AbortSignal.timeout(5_000)))).text).toBe("hi");
  });
});
