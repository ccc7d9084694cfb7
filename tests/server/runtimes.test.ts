// The real server with the real model, each way that it can be run on this machine: what it answers, what it keeps, what it survives,
// how it ends.
import { copyFileSync, linkSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { catalog, DEFAULT_MODEL } from "../../models/catalog.ts";
import { frameReader, framesOf } from "../support/frames.ts";
import { startHub, type Hub } from "../support/hub.ts";
import { withLibrary } from "../support/library.ts";
import { realModel } from "../support/real-model.ts";
import { record } from "../support/record.ts";
import { isAlive } from "../support/processes.ts";
import { eventually, type Server } from "../support/server.ts";
import { streamed } from "../support/stream.ts";
import { table } from "../support/table.ts";
import { ways, type Place } from "../support/ways.ts";
import { becomesIdle, computes } from "../support/work.ts";
import { repeatToken, tinyGguf } from "../support/tiny-gguf.ts";

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
  // llama.cpp aborts, and what it has printed tells why.
  "a byte's token twice": { bytes: tinyGguf({ mutate: repeatToken }), reason: /: its vocabulary is damaged\.$/ },
};
/** A model that is there to be deleted. */
const SPARE = "spare";

/** Check -> way -> outcome. */
const results: Record<string, Record<string, string>> = { engine: {} };
/** Has the default model where the catalogue says that it is. */
let hub: Hub;
const { size: SIZE = 0, sources } = (await catalog()).find(({ id }) => id === DEFAULT_MODEL)!.files[0]!;
const AT_HUB = sources.flatMap((one) =>
  one.type === "huggingface" ? [`/${one.repo}/resolve/${one.revision}/${one.file}`] : [],
)[0]!;

beforeAll(async () => void (hub = await startHub({ [AT_HUB]: readFileSync((await realModel()).path) })), SLOW);
afterAll(() => {
  hub?.close();
  console.log(table("The real server", results));
});

for (const way of ways()) {
  /** A test whose outcome is a cell of the table. */
  const check = (name: string, run: () => Promise<void>): void => {
    const row = (results[name] ??= {});
    row[way.name] = way.skip === undefined ? "not run" : "skipped";
    const timed = async () => {
      row[way.name] = "failed";
      const start = performance.now();
      await run();
      row[way.name] = `${((performance.now() - start) / 1000).toFixed(1)} s`;
    };
    test(name, timed, SLOW);
  };

  describe.skipIf(way.skip !== undefined)(`the server, ${way.name}${way.skip ? ` (skipped: ${way.skip})` : ""}`, () => {
    let place: Place;
    let server: Server;
    const start = async (options: Parameters<Place["serve"]>[1] = {}) =>
      place.serve(ARGS, { data: options.data ?? (await newDataFolder(place.folder)), ...options });
    beforeAll(async () => {
      place = await way.open();
      server = await start();
    }, SLOW);
    afterAll(async () => {
      await server?.stop("SIGKILL");
      await place?.remove();
    });

    /** One request of the API, and its JSON. */
    const ask = async (method: string, path: string, body?: object, { url } = server): Promise<{ status: number; body: any }> => {
      const headers = { "content-type": "application/json" };
      const res = await fetch(`${url}/v1${path}`, { method, ...(body && { headers, body: JSON.stringify(body) }) });
      return { status: res.status, body: await json(res) };
    };

    test("has an engine, which the table names", async () => {
      const row = results["engine"]!;
      row[way.name] = (await ask("GET", `/models/${encodeURIComponent(DEFAULT_MODEL)}`)).body.engine;
      expect(["node-llama-cpp", "llama-server"]).toContain(row[way.name]!);
    });

    // Else the column would say nothing of the permissions that the task names.
    const confined = async (): Promise<void> => {
      const elsewhere = await mkdtemp(join(tmpdir(), "ingle-elsewhere-"));
      const refused = place.serve(ARGS, { data: elsewhere }).then((server) => server.stop("SIGKILL"));
      await expect(refused.finally(() => rm(elsewhere, { recursive: true }))).rejects.toThrow(/Requires (read|write) access to/);
    };
    if (way.name === "deno") test("may use no folder but its own", confined, SLOW);

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
      await expect(asked).rejects.toThrow();
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
        expect(error.message).toMatch(
          /^The prompt is too long: it has 50\d\d tokens, and this model's maximum context length is 4096 tokens, /,
        );
      }
    });

    check("keeps threads and their messages", async () => {
      const made = await ask("POST", "/threads", { title: "first", messages: [user("hello")] });
      expect(made).toMatchObject({ status: 200, body: { object: "thread", title: "first" } });
      const at = `/threads/${made.body.id}`;
      expect((await ask("GET", "/threads")).body.map(({ id }: { id: string }) => id)).toContain(made.body.id);
      expect((await ask("PATCH", at, { title: "second", metadata: { a: "b" } })).status).toBe(200);
      expect((await ask("GET", at)).body).toMatchObject({ id: made.body.id, title: "second", metadata: { a: "b" } });

      const said = (await ask("POST", `${at}/messages`, { role: "assistant", content: "good morning" })).body;
      const listed = (await ask("GET", `${at}/messages`)).body.data;
      expect(listed.map(textOf).toSorted()).toEqual(["good morning", "hello"]);
      expect((await ask("PATCH", `${at}/messages/${said.id}`, { metadata: { c: "d" } })).status).toBe(200);
      expect((await ask("GET", `${at}/messages/${said.id}`)).body).toMatchObject({ role: "assistant", metadata: { c: "d" } });
      expect(await ask("DELETE", `${at}/messages/${said.id}`)).toMatchObject({ status: 200, body: { deleted: true } });
      expect((await ask("GET", `${at}/messages`)).body.data.map(textOf)).toEqual(["hello"]);

      expect(await ask("DELETE", at)).toMatchObject({ status: 200, body: { id: made.body.id, deleted: true } });
      expect(await ask("GET", at)).toMatchObject({ status: 404, body: { error: { code: "thread_not_found" } } });
    });

    check("has a thread that was acknowledged, after kill -9", async () => {
      const data = await newDataFolder(place.folder);
      const first = await start({ data });
      try {
        const { id } = (await ask("POST", "/threads", { title: "kept" }, first)).body;
        const said = await ask("POST", `/threads/${id}/messages`, user("hello"), first);
        expect(await first.stop("SIGKILL")).toBe("SIGKILL");
        expect(said.status).toBe(200);

        const second = await start({ data });
        const [thread, messages] = await Promise.all([
          ask("GET", `/threads/${id}`, undefined, second),
          ask("GET", `/threads/${id}/messages`, undefined, second),
        ]).finally(() => second.stop());
        expect(thread).toMatchObject({ status: 200, body: { id, title: "kept", messages: [said.body.id] } });
        expect(messages.body.data.map(textOf)).toEqual(["hello"]);
      } finally {
        await first.stop("SIGKILL");
      }
    });

    check("lists, shows and deletes models", async () => {
      const ids = async (): Promise<string[]> => (await ask("GET", "/models")).body.data.map(({ id }: { id: string }) => id);
      const before = await ids();
      expect(before.toSorted()).toEqual([...Object.keys(DAMAGED), DEFAULT_MODEL, SPARE].toSorted());
      expect(await ask("GET", `/models/${SPARE}`)).toMatchObject({ status: 200, body: { id: SPARE, object: "model" } });
      expect(await ask("DELETE", `/models/${SPARE}`)).toMatchObject({ status: 200, body: { id: SPARE, deleted: true } });
      expect(await ids()).toEqual(before.filter((id) => id !== SPARE));
      expect(await ask("GET", `/models/${SPARE}`)).toMatchObject({ status: 404, body: { error: { code: "model_not_found" } } });
      expect((await server.chat({ ...FRANCE, model: SPARE })).status).toBe(404);
    });

    /** A server that has no model and is told where the hub is. */
    async function withoutModel(work: (server: Server) => Promise<void>): Promise<void> {
      const data = await mkdtemp(join(place.folder, "data-"));
      const server = await start({ data, env: { HF_ENDPOINT: hub.url } });
      await work(server).finally(() => (hub.set(AT_HUB), server.stop("SIGKILL")));
    }
    const DOWNLOAD = `/models/download/${DEFAULT_MODEL}`;
    const events = ({ url }: Server): Promise<Response> => fetch(`${url}/v1${DOWNLOAD}/events`);

    check("downloads a model, reports its progress, and answers with it", () =>
      withoutModel(async (server) => {
        const asked = hub.requests.length;
        hub.set(AT_HUB, { kind: "drip", bytes: 4 << 20, ms: 50 });
        expect(await ask("POST", DOWNLOAD, undefined, server)).toMatchObject({ status: 200, body: { downloaded: false } });
        const { data, done } = await framesOf(await events(server));
        const bytes: number[] = data.map((event) => event.bytes);
        expect(done).toBe(true);
        expect(data.at(-1)).toMatchObject({
          state: "done",
          bytes: SIZE,
          total: SIZE,
          source: expect.stringContaining("Hugging Face"),
        });
        expect(hub.requests.length).toBeGreaterThan(asked);
        expect(bytes.filter((n) => n > 0 && n < SIZE).length).toBeGreaterThan(1);
        expect(bytes).toEqual(bytes.toSorted((a, b) => a - b));
        expect(await contentOf(await server.chat(FRANCE))).toContain("Paris");
      }),
    );

    check("stops a download on DELETE, and later resumes it", () =>
      withoutModel(async (server) => {
        hub.set(AT_HUB, { kind: "drip", bytes: 1 << 20, ms: 50 });
        await ask("POST", DOWNLOAD, undefined, server);
        const reader = frameReader(await events(server));
        let last = await reader.next();
        while (last.state === "downloading" && last.bytes === 0) last = await reader.next();
        expect(await ask("DELETE", DOWNLOAD, undefined, server)).toMatchObject({ status: 200, body: { cancelled: true } });
        for (let next = last; next !== "[DONE]"; next = await reader.next()) last = next;
        expect(last).toMatchObject({ state: "cancelled", total: SIZE });
        expect(last.bytes).toBeGreaterThan(0);
        expect(last.bytes).toBeLessThan(SIZE);
        expect((await server.chat(FRANCE)).status).toBe(404);

        hub.set(AT_HUB);
        await ask("POST", DOWNLOAD, undefined, server);
        const end = (await framesOf(await events(server))).data.at(-1);
        expect(end).toMatchObject({ state: "done", bytes: SIZE });
        // A last piece may have come while it was being stopped.
        expect(end.resumed_from).toBeGreaterThanOrEqual(last.bytes);
      }),
    );

    check("outlives a damaged model file", async () => {
      for (const [model, { reason }] of Object.entries(DAMAGED)) {
        const res = await server.chat({ ...FRANCE, model });
        const { error } = await json(res);
        expect([res.status, error.code, error.param]).toEqual([500, "model_load_failed", "model"]);
        expect(error.message).toStartWith(`Model "${model}" cannot be loaded: `);
        expect(error.message).toMatch(reason);
        expect(error.message).not.toContain(place.folder);
      }
      expect(await contentOf(await server.chat(FRANCE))).toContain("Paris");
      expect(server.children()).toHaveLength(1);
    });

    /** A server that is amid a story: `telling` is the whole of what its client gets. */
    async function storyteller(max_tokens: number, options: Parameters<Place["serve"]>[1] = {}) {
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

    check("ends after its answers when its process group gets a signal twice", async () => {
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

    check("ends at once at a second signal", async () => {
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

/** With the real model, where every way may read it, one to delete, and the damaged ones. */
async function newDataFolder(within: string): Promise<string> {
  const [data, real] = await Promise.all([mkdtemp(join(within, "data-")), realModel()]);
  const files = await mkdtemp(join(within, "files-"));
  const own = (name: string): string => join(files, `${name}.gguf`);
  for (const name of [DEFAULT_MODEL, SPARE]) linked(real.path, own(name));
  for (const [name, { bytes }] of Object.entries(DAMAGED)) await writeFile(own(name), bytes);
  await withLibrary(data, async (library) => {
    for (const name of [DEFAULT_MODEL, SPARE, ...Object.keys(DAMAGED)]) await library.add(record(name, own(name)));
  });
  return data;
}

/** Takes no room where it can. */
function linked(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
}

const textOf = ({ content }: { content: { text: { value: string } }[] }): string => content[0]!.text.value;

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
