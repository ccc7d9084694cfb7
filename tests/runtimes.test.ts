// The real server with the real model, on each runtime this machine has: what it answers, what it survives, how it ends.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { DEFAULT_MODEL } from "../models/catalog.ts";
import { withLibrary } from "./support/library.ts";
import { realModel } from "./support/real-model.ts";
import { record } from "./support/record.ts";
import { runtimes } from "./support/runtimes.ts";
import { isAlive } from "./support/processes.ts";
import { eventually, startServer, type Server, type ServerOptions } from "./support/server.ts";
import { streamed } from "./support/stream.ts";
import { table } from "./support/table.ts";
import { becomesIdle, computes } from "./support/work.ts";
import { tinyGguf } from "./support/tiny-gguf.ts";

const SLOW = 300_000;
const ARGS = ["--context", "4096"];
const FRANCE = {
  messages: [user("What is the capital of France? Answer in one sentence.")],
  temperature: 0,
  model: DEFAULT_MODEL,
};
/** The model finds no end of it: it goes on until its context is full. */
const STORY = { ...FRANCE, messages: [user("Write a very long story about a fox.")], max_tokens: 100_000 };

/** What is wrong with a file, and what its model's error says: llama.cpp refuses the first and aborts its process at the second. */
const DAMAGED = {
  "cut short": { bytes: tinyGguf().subarray(0, 4000), reason: /: The file is cut: / },
  "a byte's token twice": { bytes: tinyGguf({ mutate: repeatToken }), reason: /: the engine ended with signal SIG[A-Z]+ while/ },
};

/** Check -> runtime -> outcome. */
const results: Record<string, Record<string, string>> = {};
/** Holds the damaged files, and the data folders: every server has its own. */
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ingle-runtimes-"));
  for (const [name, { bytes }] of Object.entries(DAMAGED)) await writeFile(join(folder, `${name}.gguf`), bytes);
}, SLOW);
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  console.log(table("The real server", results));
});

async function newDataFolder(): Promise<string> {
  const data = await mkdtemp(join(folder, "data-"));
  const real = await realModel();
  await withLibrary(data, async (library) => {
    await library.add(record(DEFAULT_MODEL, real.path));
    for (const name of Object.keys(DAMAGED)) await library.add(record(name, join(folder, `${name}.gguf`)));
  });
  return data;
}

for (const runtime of runtimes()) {
  /** A test whose outcome is a cell of the table. */
  const check = (name: string, run: () => Promise<void>): void => {
    const row = (results[name] ??= {});
    if (runtime.skip !== undefined) row[runtime.name] = "skipped";
    const timed = async () => {
      row[runtime.name] = "failed";
      const start = performance.now();
      await run();
      row[runtime.name] = `${((performance.now() - start) / 1000).toFixed(1)} s`;
    };
    test(name, timed, SLOW);
  };
  const start = async (options: ServerOptions = {}) => startServer(runtime, ARGS, { data: await newDataFolder(), ...options });

  describe.skipIf(runtime.skip !== undefined)(runtime.skip ?? `the server on ${runtime.name}`, () => {
    let server: Server;
    beforeAll(async () => void (server = await start()), SLOW);
    afterAll(async () => void (await server?.stop("SIGKILL")));

    check("answers as JSON", async () => {
      const res = await server.chat(FRANCE);
      const { choices, usage } = await json(res);
      expect(res.status).toBe(200);
      expect(choices[0].message.content).toContain("Paris");
      expect(choices[0].finish_reason).toBe("stop");
      expect(usage.total_tokens).toBe(usage.prompt_tokens + usage.completion_tokens);
    });

    check("answers as a stream, piece by piece", async () => {
      const pieces: string[] = [];
      const { text, ...end } = await streamed(await server.chat({ ...FRANCE, stream: true }), (piece) => pieces.push(piece));
      expect(text).toContain("Paris");
      expect(pieces.length).toBeGreaterThan(4);
      expect(end).toEqual({ finish_reason: "stop", error: null, done: true });
    });

    check("answers four at once, each its own question", async () => {
      const capitals = { France: "Paris", Italy: "Rome", Japan: "Tokyo", Germany: "Berlin" };
      const answers = await Promise.all(
        Object.keys(capitals).map(async (country) => {
          const content = `What is the capital of ${country}? Answer in one sentence.`;
          return contentOf(await server.chat({ ...FRANCE, messages: [user(content)] }));
        }),
      );
      Object.values(capitals).forEach((capital, i) => expect(answers[i]).toContain(capital));
      expect(server.children()).toHaveLength(1);
    });

    check("stops the work when a client leaves amid a stream", async () => {
      const engine = await engineOf(server);
      const leave = new AbortController();
      await streamed(await server.chat({ ...STORY, stream: true }, leave.signal), () => leave.abort());
      await becomesIdle(engine);
      expect(await contentOf(await server.chat(FRANCE))).toContain("Paris");
      expect(server.children()).toEqual([engine]);
    });

    check("stops the work when a client leaves before its JSON", async () => {
      const engine = await engineOf(server);
      const leave = new AbortController();
      const asked = server.chat(STORY, leave.signal);
      await computes(engine);
      leave.abort();
      expect(asked).rejects.toThrow();
      await becomesIdle(engine);
    });

    check("outlives an engine killed amid a stream", async () => {
      const engine = await engineOf(server);
      const cut = await streamed(await server.chat({ ...STORY, stream: true }), () => killed(engine));
      expect(cut).toMatchObject({ error: { type: "server_error", code: "engine_crashed" }, finish_reason: null, done: false });
      expect(await contentOf(await server.chat(FRANCE))).toContain("Paris");
      expect(server.children()).not.toContain(engine);
      expect(isAlive(server.pid)).toBe(true);
    });

    check("outlives an engine killed amid a JSON answer", async () => {
      const engine = await engineOf(server);
      const asked = server.chat(STORY);
      await computes(engine);
      killed(engine);
      const res = await asked;
      expect([res.status, (await json(res)).error.code]).toEqual([502, "engine_crashed"]);
      expect(await contentOf(await server.chat(FRANCE))).toContain("Paris");
      expect(isAlive(server.pid)).toBe(true);
    });

    check("refuses a prompt longer than the context", async () => {
      for (const stream of [false, true]) {
        const res = await server.chat({ ...FRANCE, messages: [user("word ".repeat(5000))], stream });
        const { error } = await json(res);
        expect([res.status, error.code, error.param]).toEqual([400, "context_length_exceeded", "messages"]);
        expect(error.message).toMatch(/^The prompt has 50\d\d tokens, the context holds 4096 /);
      }
    });

    check("outlives a damaged model file", async () => {
      for (const [model, { reason }] of Object.entries(DAMAGED)) {
        const res = await server.chat({ ...FRANCE, model });
        const { error } = await json(res);
        expect([res.status, error.code, error.param]).toEqual([500, "model_load_failed", "model"]);
        expect(error.message).toStartWith(`Model "${model}" cannot be loaded: `);
        expect(error.message).toMatch(reason);
        expect(error.message).not.toContain(folder);
      }
      expect(await contentOf(await server.chat(FRANCE))).toContain("Paris");
      expect(server.children()).toHaveLength(1);
    });

    /** A server that is amid a story: `telling` is the whole of what its client gets. */
    async function storyteller(max_tokens: number, options: ServerOptions = {}) {
      const server = await start(options);
      try {
        const begun = Promise.withResolvers<void>();
        const telling = streamed(await server.chat({ ...STORY, max_tokens, stream: true }), () => begun.resolve());
        await Promise.race([begun.promise, telling]);
        const engine = await engineOf(server);
        return { server, telling, engine };
      } catch (error) {
        await server.stop("SIGKILL");
        throw error;
      }
    }

    check("ends after its answers when its process group is told twice", async () => {
      const { server, telling, engine } = await storyteller(24, { own_group: true });
      try {
        // As Ctrl-C and service managers do: all processes at once, and some of them through a second hand.
        process.kill(-server.pid, "SIGTERM");
        process.kill(-server.pid, "SIGINT");
        expect(await telling).toMatchObject({ finish_reason: "length", error: null, done: true });
        expect(await server.ended).toBe(0);
        expect(isAlive(engine)).toBe(false);
      } finally {
        await server.stop("SIGKILL");
      }
    });

    check("ends with an error event what runs beyond its grace", async () => {
      const { server, telling, engine } = await storyteller(100_000);
      try {
        server.kill("SIGTERM");
        expect(await telling).toMatchObject({ error: { code: "engine_unavailable" }, finish_reason: null, done: false });
        expect(await server.ended).toBe(0);
        expect(isAlive(engine)).toBe(false);
      } finally {
        await server.stop("SIGKILL");
      }
    });

    check("ends at once when it is told again", async () => {
      const { server, telling, engine } = await storyteller(100_000);
      try {
        server.kill("SIGTERM");
        await server.says(/"stopping"/);
        const impatient = setInterval(() => server.kill("SIGTERM"), 100);
        expect(await server.ended.finally(() => clearInterval(impatient))).toBe(1);
        expect(await telling).toMatchObject({ error: null, finish_reason: null, done: false });
        await eventually("the engine has ended", () => !isAlive(engine));
      } finally {
        await server.stop("SIGKILL");
      }
    });

    check("leaves no engine behind when it is killed, at work or idle", async () => {
      const { server: busy, telling, engine } = await storyteller(100_000);
      expect(await busy.stop("SIGKILL")).toBe("SIGKILL");
      expect((await telling).done).toBe(false);
      await eventually("the engine has ended", () => !isAlive(engine));

      const idle = await start();
      const other = await engineOf(idle).finally(() => idle.stop("SIGKILL"));
      await eventually("the idle engine has ended", () => !isAlive(other));
    });
  });
}

function user(content: string) {
  return { role: "user", content };
}

const json = (res: Response): Promise<any> => res.json();
const contentOf = async (res: Response): Promise<string> => (await json(res)).choices[0].message.content;

/** The engine's process; the model is loaded where it is not yet. */
async function engineOf(server: Server): Promise<number> {
  if (server.children().length === 0) await contentOf(await server.chat({ ...FRANCE, max_tokens: 1 }));
  const [engine, ...others] = server.children();
  expect(others).toEqual([]);
  return engine!;
}

const killed = (pid: number) => void (isAlive(pid) && process.kill(pid, "SIGKILL"));

function repeatToken(bytes: Uint8Array<ArrayBuffer>): void {
  const buffer = Buffer.from(bytes.buffer);
  buffer.write("<0x42>", buffer.indexOf("<0x41>"));
}
