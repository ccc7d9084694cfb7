import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AdapterError, type Engine } from "../../adapters/adapter.ts";
import { childProcess, type ChildProcessOptions } from "../../adapters/child-process/adapter.ts";
import { toWireError } from "../../adapters/shared/wire-error.ts";
import { createLog } from "../../src/support/log/log.ts";
import { createAdapters } from "../../src/server/adapters.ts";
import { adapterSuite, TINY } from "../adapter-suite.ts";
import { collect } from "../support/collect.ts";
import { makeModel } from "../support/app.ts";
import { ask, askTokens, tinyModel } from "../support/models.ts";
import { isAlive } from "../support/processes.ts";
import { realModel } from "../support/real-model.ts";
import { corpus } from "../support/tiny-gguf.ts";

const embedded = createAdapters(
  { adapter: "node-llama-cpp", llama_server: undefined },
  createLog(() => {}),
).adapterOf(makeModel("tiny"));

adapterSuite("node-llama-cpp in a child process, tiny model", {
  ...TINY,
  adapter: embedded,
  capabilities: embedded.capabilities(makeModel("tiny")),
  afterClose: () => expect(childrenOfOurs().length).toBe(1), // the one of the suite itself
});

adapterSuite("node-llama-cpp in a child process, real model", {
  adapter: embedded,
  model: realModel,
  prompt: "Count from one to twenty in words.",
  prompt_tokens: 38,
  long_prompt: "The quick brown fox jumps over the lazy dog. ".repeat(115),
  context: 1536,
  samples: true,
  goes_on: true,
  capabilities: embedded.capabilities(makeModel("tiny")),
});

describe("a child that dies", () => {
  let engine: Engine;
  const signal = new AbortController().signal;

  beforeAll(async () => {
    engine = await embedded.load(await tinyModel(), { slots: 2, context: 512, threads: 1 }, signal);
  });
  afterAll(() => engine.close());

  test("fails the generations that run and every later one, and says why it closed", async () => {
    // A child that is stopped cannot end an answer before it is killed.
    childrenOfOurs().forEach((pid) => process.kill(pid, "SIGSTOP"));
    const answers = [ask("hello"), ask("world")].map((request) => codeOf(collect(engine.chat(request, signal))));
    childrenOfOurs().forEach((pid) => process.kill(pid, "SIGKILL"));
    expect(await Promise.all(answers)).toEqual(["engine_crashed", "engine_crashed"]);
    expect((await engine.closed)?.message).toContain("SIGKILL");
    expect(await codeOf(collect(engine.chat(ask("hello"), signal)))).toBe("engine_crashed");
  });
});

describe("a model file that is damaged", () => {
  // An endless template is read by the native side without complaint: it fails later, at its first request.
  for (const { name, bytes } of corpus().filter(({ name }) => !name.includes("template"))) {
    test(`${name}: refused with a reason, or loaded and answering`, async () => {
      const model = await tinyModel();
      writeFileSync(model.path, bytes);
      const engine = await embedded
        .load(model, { slots: 1, context: 512, threads: 1 }, AbortSignal.timeout(30_000))
        .catch((error: AdapterError) => error);
      if (engine instanceof Error) {
        expect(engine.code).toBe("model_load_failed");
        expect(engine.message).toContain(`Model "tiny" cannot be loaded`);
        expect(engine.message).not.toContain(model.path);
      } else {
        await collect(engine.chat(ask("hello", { max_tokens: 2 }), AbortSignal.timeout(30_000))).catch(codeOf);
        await engine.close();
      }
    });
  }
});

describe("a chat template that is hostile", () => {
  const load = async (template: string) =>
    embedded.load(await tinyModel({ template }), { slots: 1, context: 512, threads: 1 }, AbortSignal.timeout(30_000));

  for (const [name, template] of Object.entries({
    "counts to 100 million": "{% for i in range(100000000) %}{% endfor %}",
    "loops in loops":
      "{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}{% endfor %}{% endfor %}{% endfor %}",
  })) {
    test(`${name}: the request fails, the engine goes on`, async () => {
      const engine = await load(template);
      expect(await codeOf(collect(engine.chat(ask("hello"), AbortSignal.timeout(30_000))))).toBe("template_failed");
      expect(await codeOf(collect(engine.chat(ask("hello"), AbortSignal.timeout(30_000))))).toBe("template_failed");
      await engine.close();
    });
  }

  test("that does not parse fails the load of the model", async () => {
    const error = (await load("{% if %}").catch((error: unknown) => error)) as AdapterError;
    expect([error.code, error.message]).toEqual(["model_load_failed", expect.stringContaining("prompt_template")]);
  });

  test("that refuses the messages says so", async () => {
    const engine = await load(`{{ raise_exception("Roles must alternate") }}`);
    const error = (await collect(engine.chat(ask("hello"), AbortSignal.timeout(30_000))).catch(
      (error: unknown) => error,
    )) as AdapterError;
    expect([error.code, error.message]).toEqual(["messages_refused", expect.stringContaining("Roles must alternate")]);
    await engine.close();
  });
});

describe("a child that misbehaves", () => {
  const scripted = (script: string, limits: ChildProcessOptions["limits"] = {}) =>
    childProcess({
      name: "fake",
      command: () => ({ program: process.execPath, args: ["-e", script] }),
      env: process.env,
      limits,
    });
  const loaded = `console.log(JSON.stringify({ type: "loaded", slots: 1, context_length: 9, calls: [] }));`;
  const load = (script: string, limits?: ChildProcessOptions["limits"], memory?: number) =>
    scripted(script, limits).load(
      { id: "fake", path: "", settings: {} },
      { slots: 1, context: 9, memory },
      AbortSignal.timeout(20_000),
    );
  const chatWith = async (script: string, limits?: ChildProcessOptions["limits"]) => {
    const engine = await load(`${loaded} process.stdin.once("data", () => {}); ${script}`, limits);
    const code = await codeOf(collect(engine.generate(askTokens([1]), AbortSignal.timeout(20_000))));
    await engine.close();
    return code;
  };

  test("by ending while it loads", async () => {
    expect(await codeOf(load("process.exit(3)"))).toBe("model_load_failed");
  });
  test("by hanging while it loads", async () => {
    expect(await codeOf(load("setInterval(() => {}, 1e6)", { load: 300 }))).toBe("engine_timeout");
  });
  test("by hanging amid a generation", async () => {
    expect(await chatWith("setInterval(() => {}, 1e6)", { generation: 300 })).toBe("engine_timeout");
  });
  test("not at all, where the client is slow to read its answer", async () => {
    const events = [
      { type: "text", text: "hello" },
      { type: "finish", reason: "stop", usage: {} },
    ].map((event) => `console.log(${JSON.stringify(JSON.stringify({ type: "event", id: 0, event }))});`);
    const engine = await load(`${loaded} process.stdin.once("data", () => { ${events.join(" ")} });`, { generation: 300 });
    for await (const event of engine.generate(askTokens([1]), AbortSignal.timeout(20_000))) {
      if (event.type === "text") await new Promise((done) => setTimeout(done, 1_000));
    }
    await engine.close();
    expect(await engine.closed).toBeUndefined();
  });
  test("by a line that is not a message", async () => {
    expect(await chatWith(`setTimeout(() => console.log("segfault at 0x0"), 200)`)).toBe("engine_crashed");
  });
  test("by a line without an end", async () => {
    expect(await chatWith(`setTimeout(() => process.stdout.write("x".repeat(3e6)), 200)`)).toBe("engine_crashed");
  });
  test("by a flood on standard error", async () => {
    const finish = { type: "event", id: 0, event: { type: "finish", reason: "stop", usage: {} } };
    const engine =
      await load(`${loaded} process.stdin.on("data", () => { for (let i = 0; i < 300; i++) process.stderr.write("y".repeat(1e5) + "\\n");
      console.log(${JSON.stringify(JSON.stringify(finish))}); });`);
    const { finish: end } = await collect(engine.generate(askTokens([1]), AbortSignal.timeout(20_000)));
    expect(end.reason).toBe("stop");
    await engine.close();
  });
  test("not at all: its refusal of a request comes with the field at fault", async () => {
    const wire = toWireError(new AdapterError("request_refused", "No.", { param: "grammar" }));
    const said = JSON.stringify(JSON.stringify({ type: "error", id: 0, error: wire }));
    const engine = await load(`${loaded} process.stdin.on("data", () => console.log(${said}));`);
    const refusal = await collect(engine.generate(askTokens([1]), AbortSignal.timeout(20_000))).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: "request_refused", message: "No.", param: "grammar" });
    await engine.close();
  });
  test("by growing without end: it is stopped a GiB beyond what its model needs", async () => {
    const grow = `const kept = []; setInterval(() => kept.length < 60 && kept.push(Buffer.alloc(25e6, 1)), 20);`;
    const engine = await load(loaded + grow, undefined, 1);
    const [pid] = childrenOfOurs("25e6") as [number];
    const { message } = (await engine.closed) as AdapterError;
    expect(message).toBe('The engine of model "fake" grew without end and was stopped.');
    expect(isAlive(pid)).toBe(false);
  });
  test.skipIf(!existsSync("/usr/bin/prlimit"))("not at all: the kernel holds its data to a limit, too", async () => {
    const engine = await load(`${loaded} process.stdin.resume() // held`, undefined, 1e9);
    const [pid] = childrenOfOurs("held") as [number];
    const limit = () => Number(/^Max data size +(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, "utf8"))?.[1]);
    while (Number.isNaN(limit())) await new Promise((done) => setTimeout(done, 20));
    expect(limit()).toBeGreaterThan(1e9 + 2 ** 30);
    expect(limit()).toBeLessThan(1e9 + 2 ** 30 * 12);
    await engine.close();
  });
  test("by not being there", async () => {
    const missing = childProcess({ name: "fake", command: () => ({ program: "/no/such/program", args: [] }), env: {} });
    const loading = missing.load(
      { id: "fake", path: "", settings: {} },
      { slots: 1, context: 9, threads: 1 },
      AbortSignal.timeout(20_000),
    );
    expect(await codeOf(loading)).toBe("engine_unavailable");
  });
  test("none of the server's secrets is in its environment", async () => {
    const secrets = { INGLE_KEY: "k", HF_TOKEN: "t", OPENAI_API_KEY: "o", NODE_OPTIONS: "--no-warnings", PATH: process.env.PATH };
    const said: string[] = [];
    const script = `console.error(Object.keys(process.env).join()); process.exit()`;
    const adapter = childProcess({
      name: "fake",
      command: () => ({ program: process.execPath, args: ["-e", script] }),
      env: secrets,
      log: (line) => said.push(line),
    });
    await codeOf(
      adapter.load({ id: "fake", path: "", settings: {} }, { slots: 1, context: 9, threads: 1 }, AbortSignal.timeout(20_000)),
    );
    expect(said.join()).toContain("PATH");
    expect(said.join()).not.toMatch(/INGLE_KEY|HF_TOKEN|OPENAI|NODE_OPTIONS/);
  });
});

async function codeOf(promise: Promise<unknown>): Promise<string | undefined> {
  try {
    await promise;
  } catch (error) {
    return (error as AdapterError).code;
  }
  return undefined;
}

/** Process ids of engine hosts, or of children with another text in their command line, whose parent is this process. */
function childrenOfOurs(text = "engine-host"): number[] {
  if (!existsSync("/proc")) throw new Error("This test reads /proc.");
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      const read = (file: string): string => {
        try {
          return readFileSync(join("/proc", String(pid), file), "utf8");
        } catch {
          return "";
        }
      };
      return read("stat").split(") ")[1]?.split(" ")[1] === String(process.pid) && read("cmdline").includes(text);
    });
}
