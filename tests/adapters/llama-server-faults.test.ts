import { afterEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AdapterError, Capability, ChatMessage } from "../../adapters/adapter.ts";
import type { LlamaServerOptions } from "../../adapters/llama-server/adapter.ts";
import { findLlamaServer } from "../../adapters/llama-server/find-program.ts";
import { createModelPool } from "../../src/inference/model-pool.ts";
import { createLog } from "../../src/support/log/log.ts";
import { collect } from "../support/collect.ts";
import { llamaServerChat } from "../support/llama-server-chat.ts";
import { makeModel } from "../support/app.ts";
import { chatOf, thrownBy } from "../support/model-pool.ts";
import { ask, tinyModel } from "../support/models.ts";
import { fixedPrompts } from "../support/rendered-prompts.ts";
import { childrenOf, isAlive, named } from "../support/processes.ts";
import { eventually } from "../support/server.ts";

const FAKE = join(import.meta.dirname, "../support", "fake-llama-server.ts");
const signal = (): AbortSignal => AbortSignal.timeout(20_000);

/** A program that runs the fake one, as llama-server would be. */
function program(text = `exec "${process.execPath}" "${FAKE}" "$@"`): string {
  const path = join(mkdtempSync(join(tmpdir(), "ingle-fake-")), "llama-server");
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
  return path;
}

const binary = program();
const QUICK: LlamaServerOptions["limits"] = { load: 3_000, generation: 500, cancel: 300, close: 500 };

function faulty(fault: string, { limits = QUICK, log }: Partial<LlamaServerOptions> = {}) {
  const env = { ...process.env, GGML_FAKE: fault, HF_TOKEN: "t", INGLE_KEY: "k" };
  return llamaServerChat({ binary: () => binary, env, limits, prompts: fixedPrompts().prompts, ...(log && { log }) });
}

const load = async (fault: string, more?: Partial<LlamaServerOptions>) =>
  faulty(fault, more).load(await tinyModel(), { slots: 1, context: 512 }, signal());

const before = new Set(childrenOf(process.pid));
const left = (): number[] => childrenOf(process.pid).filter((pid) => !before.has(pid));

// The watchers too: their command line names the program, and they are nobody's children once it has ended.
afterEach(() => eventually("no process is left", () => left().length === 0 && named(binary).length === 0));

async function errorOf(promise: Promise<unknown>): Promise<AdapterError> {
  return (await thrownBy(promise)) as AdapterError;
}

describe("a generation of a llama-server that", () => {
  const DEADLY: Record<string, string> = {
    "breaks off": "engine_crashed",
    "ends early": "engine_crashed",
    garbage: "engine_crashed",
    "wrong type": "engine_crashed",
    aborts: "engine_crashed",
    "exits 137": "engine_crashed",
    hangs: "engine_timeout",
  };
  for (const [fault, code] of Object.entries(DEADLY)) {
    test(`${fault}: fails with its error, the engine ends, and a new one answers the next request`, async () => {
      let faults = [fault, ""];
      const engines = createModelPool({
        adapterOf: () => faulty(faults.shift()!),
        resolve: () => tinyModel(),
        ...{ slots: 1, queue: 1, log: createLog(() => {}) },
      });
      const chat = async () => {
        let text = "";
        for await (const event of chatOf(engines, makeModel("tiny"), { signal: signal() }))
          if (event.type === "text") text += event.text;
        return text;
      };
      expect((await errorOf(chat())).code as string).toBe(code);
      await eventually("the engine is gone", () => engines.state("tiny") === "stopped");
      expect(await chat()).toBe("hello");
      await engines.close(1_000);
    });
  }

  const REPORTED: Record<string, string> = {
    "status 400": "request_refused",
    "status 401": "generation_failed",
    "status 404": "generation_failed",
    "status 500": "generation_failed",
    "status 501": "request_refused",
    "status 503": "engine_unavailable",
    html: "generation_failed",
    "error frame": "generation_failed",
  };
  for (const [fault, code] of Object.entries(REPORTED)) {
    test(`${fault}: fails with its error, and the engine goes on`, async () => {
      const engine = await load(fault);
      for (let i = 0; i < 2; i++) expect((await errorOf(collect(engine.chat(ask("hi"), signal())))).code as string).toBe(code);
      await engine.close();
      expect(await engine.closed).toBeUndefined();
    });
  }

  test("is killed: fails within 500 ms, says why, and later ones fail at once", async () => {
    const engine = await load("hangs", { limits: { ...QUICK, generation: 20_000 } });
    let killed = 0;
    const run = async () => {
      for await (const _ of engine.chat(ask("hi"), signal())) {
        killed = Date.now();
        left().forEach((pid) => process.kill(pid, "SIGKILL"));
      }
    };
    const { code, message } = await errorOf(run());
    expect([code as string, message]).toEqual(["engine_crashed", expect.stringContaining("SIGKILL")]);
    expect(Date.now() - killed).toBeLessThan(500);
    expect((await engine.closed)?.message).toBe(message);
    expect((await errorOf(collect(engine.chat(ask("hi"), signal())))).message).toBe(message);
  });

  test("is stopped amid its work: ends after the limit", async () => {
    const engine = await load("hangs");
    left().forEach((pid) => process.kill(pid, "SIGSTOP"));
    expect((await errorOf(collect(engine.chat(ask("hi"), signal())))).code as string).toBe("engine_timeout");
    expect((await engine.closed)?.code as string).toBe("engine_timeout");
  });

  test("keeps the slot of a client that left: is stopped, and says so", async () => {
    const engine = await load("keeps slot", { limits: { ...QUICK, generation: 20_000 } });
    for await (const _ of engine.chat(ask("hi"), signal())) break;
    expect((await engine.closed)?.message).toContain("given up");
  });

  test("frees its slot: is left alone", async () => {
    const engine = await load("hangs", { limits: { ...QUICK, generation: 20_000 } });
    for await (const _ of engine.chat(ask("hi"), signal())) break;
    await new Promise((done) => setTimeout(done, 1_000));
    expect(await Promise.race([engine.closed, "alive"])).toBe("alive");
    await engine.close();
  });

  test("says nothing while the engine is closed: fails before the process ends", async () => {
    const engine = await load("hangs", { limits: { ...QUICK, generation: 20_000 } });
    const events = engine.chat(ask("hi"), signal())[Symbol.asyncIterator]();
    while ((await events.next()).value?.type !== "text");
    const failed = errorOf(events.next()).then(({ code }) => code as string);
    expect(await Promise.race([failed, engine.close()])).toBe("engine_unavailable");
    expect(await engine.closed).toBeUndefined();
  });

  test("waits for a slow client: is not taken for dead", async () => {
    const engine = await load("");
    for await (const event of engine.chat(ask("hi"), signal())) {
      if (event.type === "text") await new Promise((done) => setTimeout(done, 1_500));
    }
    await engine.close();
    expect(await engine.closed).toBeUndefined();
  });
});

const SEEN: ChatMessage = {
  role: "user",
  content: [{ type: "image_url", image_url: { url: "data:image/png;base64,AA" } }],
};

describe("a load of a llama-server that", () => {
  const REASONS: Record<string, [code: string, message: string]> = {
    "no memory": ["model_load_failed", "failed to allocate buffer"],
    "bad file": ["model_load_failed", "failed to load model 'its file'"],
    "killed while loading": ["model_load_failed", "SIGKILL"],
    "port taken": ["model_load_failed", "couldn't bind"],
    "never ready": ["engine_timeout", "no sign of life for 3 s"],
  };
  for (const [fault, [code, reason]] of Object.entries(REASONS)) {
    test(`${fault}: fails with the reason`, async () => {
      const error = await errorOf(load(fault));
      expect([error.code as string, error.message]).toEqual([code, expect.stringContaining(reason)]);
    });
  }

  for (const fault of ["hangs at template", "crashes at template"]) {
    test(`${fault}: is started without it where it has images to read, and refuses what it would have to render`, async () => {
      const said: string[] = [];
      const adapter = faulty(fault, { limits: { ...QUICK, template: 300 }, log: (line) => said.push(line) });
      const installed = await tinyModel();
      const model = { ...installed, projector: installed.path };
      for (let i = 0; i < 2; i++) {
        const engine = await adapter.load(model, { slots: 1, context: 512 }, signal());
        expect((await collect(engine.chat(ask("hi"), signal()))).text).toBe("hello");
        const { code, message } = await errorOf(collect(engine.chat(ask([SEEN]), signal())));
        expect([code as string, message]).toEqual(["template_failed", expect.stringContaining("prompt_template")]);
        await engine.close();
      }
      // The second load does not try again.
      expect(said.filter((line) => line.includes("started without it"))).toHaveLength(1);
    });
  }

  test("hangs at template: is never given it where it has no images to read", async () => {
    const engine = await load("hangs at template");
    expect((await collect(engine.chat(ask("hi"), signal()))).text).toBe("hello");
    await engine.close();
  });

  test("is aborted: ends at once", async () => {
    const reason = new Error("not wanted");
    const stop = new AbortController();
    const loading = faulty("never ready").load(await tinyModel(), { slots: 1, context: 512 }, stop.signal);
    await eventually("it has started", () => left().length > 0);
    stop.abort(reason);
    expect(await errorOf(loading)).toBe(reason as AdapterError);
  });

  test("reports its progress", async () => {
    const steps: number[] = [];
    const engine = await faulty("").load(
      await tinyModel(),
      { slots: 1, context: 512, onProgress: (done) => steps.push(done) },
      signal(),
    );
    expect(steps.length).toBeGreaterThan(0);
    await engine.close();
  });
});

test("the last lines of a llama-server are in the log when it dies, and not before", async () => {
  const said: string[] = [];
  const engine = await load("aborts", { log: (line) => said.push(line) });
  expect(said).toEqual([]);
  await errorOf(collect(engine.chat(ask("hi"), signal())));
  await engine.closed;
  expect(said.join()).toContain("GGML_ASSERT(false) failed");
});

test("nothing secret is in its arguments or its environment", async () => {
  const engine = await load("secrets");
  const { text } = await collect(engine.chat(ask("hi"), signal()));
  expect(text).toContain("LLAMA_API_KEY");
  expect(text).not.toMatch(/HF_TOKEN|INGLE_KEY|[0-9a-f]{64}/);
  await engine.close();
});

test("images are for models with a projector", () => {
  const model = makeModel("tiny");
  const seeing = { ...model, files: [...model.files, { name: "mmproj.gguf", sources: [], role: "projector" as const }] };
  const adapter = faulty("");
  expect(adapter.capabilities(model)).not.toContain("images" as Capability);
  expect(adapter.capabilities(model)).toContain("tools" as Capability);
  expect(adapter.capabilities(seeing)).toContain("images" as Capability);
});

test("a llama-server ends with ingle, however ingle ends", async () => {
  const script = `
    const { fixedPrompts } = await import(${JSON.stringify(join(import.meta.dirname, "../support/rendered-prompts.ts"))});
    const { llamaServerChat } = await import(${JSON.stringify(join(import.meta.dirname, "../support/llama-server-chat.ts"))});
    const adapter = llamaServerChat({ binary: () => ${JSON.stringify(binary)}, env: process.env, prompts: fixedPrompts().prompts });
    await adapter.load(${JSON.stringify(await tinyModel())}, { slots: 1, context: 512 }, new AbortController().signal);
    console.log("loaded");
    setInterval(() => {}, 1e6);`;
  const ingle = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe", stderr: "inherit" });
  await ingle.stdout.getReader().read();
  const engines = childrenOf(ingle.pid);
  expect(engines.length).toBe(1);
  ingle.kill("SIGKILL");
  const killed = Date.now();
  await eventually("the engine is gone", () => !engines.some(isAlive));
  expect(Date.now() - killed).toBeLessThan(2_000);
});

describe("the llama-server of this machine", () => {
  const EMPTY = { PATH: "", XDG_CACHE_HOME: mkdtempSync(join(tmpdir(), "ingle-cache-")), HOME: "/" };

  test("is the one that is named, else the one on the PATH", async () => {
    const other = program();
    expect(await findLlamaServer({ env: { ...EMPTY, PATH: join(other, "..") } })).toBe(other);
    expect(await findLlamaServer({ named: binary, env: { ...EMPTY, PATH: join(other, "..") } })).toBe(binary);
  });

  const broken: Record<string, [path: string, reason: string]> = {
    "is not there": ["/no/such/llama-server", "there is no such file"],
    hangs: [program("exec /bin/sleep 60"), "within 1 s"],
    "is another program": [program("echo hello"), "not a llama-server"],
    "fails at once": [program("echo 'libggml.so: cannot open shared object file' >&2; exit 127"), "libggml.so: cannot open"],
  };
  for (const [name, [path, reason]] of Object.entries(broken)) {
    test(`that ${name} is refused in a sentence`, async () => {
      const { code, message } = await errorOf(findLlamaServer({ named: path, env: EMPTY, version_ms: 1_000 }));
      expect([code as string, message]).toEqual(["engine_unavailable", expect.stringContaining(reason)]);
      expect(message).toContain(path);
    });
  }

  test("that may not be run, or is not a program, is refused in a sentence", async () => {
    const text = program();
    chmodSync(text, 0o644);
    expect((await errorOf(findLlamaServer({ named: text, env: EMPTY }))).message).toContain("it may not be run");
    writeFileSync(text, new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 9, 9, 9, 9]));
    chmodSync(text, 0o755);
    expect((await errorOf(findLlamaServer({ named: text, env: EMPTY }))).message).toContain("cannot be used");
  });

  test("that is nowhere to be found: the error names --llama-server", async () => {
    expect((await errorOf(findLlamaServer({ env: EMPTY }))).message).toContain("--llama-server");
  });
});
