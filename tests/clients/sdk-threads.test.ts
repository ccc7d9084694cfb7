// The stateful half of the official OpenAI client against the real server, on each runtime: assistants, threads, messages, models.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import OpenAI, { APIError, BadRequestError, ConflictError, NotFoundError } from "openai";
import { withLibrary } from "../support/library.ts";
import { record } from "../support/record.ts";
import { runtimes } from "../support/runtimes.ts";
import { startServer, type Server } from "../support/server.ts";

const SLOW = 120_000;

for (const runtime of runtimes()) {
  describe.skipIf(runtime.skip !== undefined)(runtime.skip ?? `on ${runtime.name}`, () => {
    let data: string;
    let server: Server;
    let client: OpenAI;
    const inTime = (name: string, run: () => Promise<void>) => test(name, run, SLOW);

    beforeAll(async () => {
      data = await mkdtemp(join(tmpdir(), "ingle-sdk-"));
      const weights = join(data, "..", `${runtime.name}-sdk.gguf`);
      await writeFile(weights, "GGUF");
      await withLibrary(data, async (library) => {
        for (const id of ["org/one", "two"]) await library.add(record(id, weights));
      });
      server = await startServer(runtime, [], { data });
      client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none", maxRetries: 0, timeout: 60_000 });
    }, SLOW);
    afterAll(async () => {
      await server?.stop("SIGKILL");
      await rm(data, { recursive: true, force: true });
    });

    inTime("assistants: created, listed page by page, retrieved, changed, deleted", async () => {
      const { assistants } = client.beta;
      const made: string[] = [];
      for (const name of ["A", "B", "C"]) {
        const tools = [{ type: "function" as const, function: { name: "add", parameters: { type: "object" } } }];
        made.unshift((await assistants.create({ model: "org/one", name, tools, temperature: 0, metadata: { n: name } })).id);
      }
      const listed = await Array.fromAsync(assistants.list({ limit: 2 }));
      expect(listed.map(({ id }) => id)).toEqual([...made, "jan"]);
      const first = await assistants.list({ limit: 2, order: "asc" });
      expect([first.data[0]!.id, first.hasNextPage()]).toEqual(["jan", true]);
      const one = await assistants.retrieve(made[0]!);
      expect(one).toMatchObject({
        object: "assistant",
        model: "org/one",
        name: "C",
        description: null,
        temperature: 0,
        metadata: { n: "C" },
      });
      const changed = await assistants.update(made[0]!, { name: "D", instructions: "Be brief.", metadata: { m: "1" } });
      expect(changed).toMatchObject({ name: "D", instructions: "Be brief.", model: "org/one", metadata: { n: "C", m: "1" } });
      expect(await assistants.delete(made[0]!)).toEqual({ id: made[0]!, object: "assistant.deleted", deleted: true });
      expect(await refusal(assistants.retrieve(made[0]!))).toBeInstanceOf(NotFoundError);
      expect(await refusal(assistants.delete("jan"))).toBeInstanceOf(ConflictError);
    });

    inTime("threads: created with messages, retrieved, changed, deleted", async () => {
      const { threads } = client.beta;
      const thread = await threads.create({ messages: [{ role: "user", content: "Hello" }], metadata: { topic: "x" } });
      expect(thread).toMatchObject({ object: "thread", metadata: { topic: "x" }, created_at: expect.any(Number) });
      expect(await threads.retrieve(thread.id)).toMatchObject({ id: thread.id, metadata: { topic: "x" } });
      expect(await threads.update(thread.id, { metadata: { more: "y" } })).toMatchObject({ metadata: { topic: "x", more: "y" } });
      expect((await threads.messages.list(thread.id)).data).toHaveLength(1);
      expect(await threads.delete(thread.id)).toEqual({ id: thread.id, object: "thread.deleted", deleted: true });
      expect(await refusal(threads.retrieve(thread.id))).toMatchObject({ status: 404, code: "thread_not_found" });
    });

    inTime("messages: created, listed page by page both ways, retrieved, changed, deleted", async () => {
      const { threads } = client.beta;
      const { messages } = threads;
      const { id: thread_id } = await threads.create();
      const made: string[] = [];
      for (let i = 0; i < 7; i++) {
        const content = i % 2 ? `${i}` : [{ type: "text" as const, text: `${i}` }];
        made.push((await messages.create(thread_id, { role: i % 2 ? "assistant" : "user", content })).id);
      }
      const asc = await Array.fromAsync(messages.list(thread_id, { limit: 3, order: "asc" }));
      expect(asc.map(({ id }) => id)).toEqual(made);
      expect(asc.map(({ content }) => (content[0]!.type === "text" ? content[0]!.text.value : ""))).toEqual([..."0123456"]);
      const newest = await messages.list(thread_id, { limit: 2 });
      expect(newest.data.map(({ id }) => id)).toEqual([made[6]!, made[5]!]);
      expect((await newest.getNextPage()).data.map(({ id }) => id)).toEqual([made[4]!, made[3]!]);
      const before = await messages.list(thread_id, { limit: 2, before: made[2]! });
      expect(before.data.map(({ id }) => id)).toEqual([made[4]!, made[3]!]);
      const message = await messages.retrieve(made[0]!, { thread_id });
      expect(message).toMatchObject({ thread_id, role: "user", assistant_id: null, run_id: null, status: "completed" });
      expect(await messages.update(made[0]!, { thread_id, metadata: { a: "b" } })).toMatchObject({ metadata: { a: "b" } });
      expect(await messages.delete(made[0]!, { thread_id })).toMatchObject({ deleted: true, object: "thread.message.deleted" });
      expect(await refusal(messages.retrieve(made[0]!, { thread_id }))).toMatchObject({ status: 404, code: "message_not_found" });
      const empty = await refusal(messages.create(thread_id, { role: "user", content: "" }));
      expect(empty).toBeInstanceOf(BadRequestError);
      expect(empty).toMatchObject({ param: "content", code: "invalid_value" });
    });

    inTime("models: listed, retrieved with a slash in the id, deleted", async () => {
      expect((await Array.fromAsync(client.models.list())).map(({ id }) => id)).toEqual(["org/one", "two"]);
      expect(await client.models.retrieve("org/one")).toMatchObject({
        id: "org/one",
        object: "model",
        owned_by: expect.any(String),
      });
      expect(await client.models.delete("org/one")).toEqual({ id: "org/one", object: "model", deleted: true });
      expect(await refusal(client.models.delete("org/one"))).toMatchObject({ status: 404, code: "model_not_found" });
      expect((await Array.fromAsync(client.models.list())).map(({ id }) => id)).toEqual(["two"]);
    });

    inTime("what was acknowledged is there after kill -9 and a start on the same folder", async () => {
      const thread = await client.beta.threads.create({ messages: [{ role: "user", content: "keep me" }] });
      const said = await client.beta.threads.messages.create(thread.id, { role: "assistant", content: "kept" });
      await server.stop("SIGKILL");
      server = await startServer(runtime, [], { data });
      client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none", maxRetries: 0, timeout: 60_000 });
      const { data: messages } = await client.beta.threads.messages.list(thread.id);
      expect(messages.map(({ id }) => id)).toContain(said.id);
      expect(messages).toHaveLength(2);
    });
  });
}

async function refusal(call: Promise<unknown>): Promise<APIError> {
  const error = await call.then(
    () => new Error("It was not refused."),
    (error: unknown) => error,
  );
  if (error instanceof APIError) return error;
  throw error;
}
