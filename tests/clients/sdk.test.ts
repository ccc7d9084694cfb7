// The official OpenAI clients, in TypeScript and in Python, against the real server with the real model.
import { execFile } from "node:child_process";
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import OpenAI, { APIError, APIUserAbortError, AuthenticationError, BadRequestError, NotFoundError } from "openai";
import { DEFAULT_MODEL } from "../../models/catalog.ts";
import { folderWithModel } from "../support/real-model.ts";
import { pythonClient } from "../support/python.ts";
import { runtimes } from "../support/runtimes.ts";
import { startServer, type Server } from "../support/server.ts";
import { becomesIdle, computes } from "../support/work.ts";

const SLOW = 300_000;
const SCRIPT = fileURLToPath(new URL("../support/sdk_python.py", import.meta.url));
const KEY = "sk-of-these-tests-0123456789";

// The fastest that is there: what the runtimes do differently is for runtimes.test.ts.
const runtime = runtimes().find(({ skip }) => skip === undefined)!;
let data: string;
let server: Server;
/** One with a key and no weights. */
let guarded: Server;

beforeAll(async () => {
  data = await folderWithModel();
  // One slot: a request after a stream that was left is answered only when the stream's work has stopped.
  server = await startServer(runtime, ["--threads", "1", "--context", "8192", "--slots", "1"], { data });
  guarded = await startServer(runtime, ["--adapter", "echo"], { env: { INGLE_KEY: KEY } });
}, SLOW);
afterAll(async () => {
  await Promise.all([server?.stop("SIGKILL"), guarded?.stop("SIGKILL")]);
  rmSync(data, { recursive: true });
}, SLOW);

const ask = (content: string) => ({
  model: DEFAULT_MODEL,
  messages: [{ role: "user" as const, content }],
  temperature: 0,
});
const FRANCE = ask("What is the capital of France? Answer in one sentence.");
/** The model finds no end of it: it takes minutes until the context is full. */
const STORY = { ...ask("Write a very long story about a fox."), max_tokens: 100_000 };

const clientOf = ({ url }: Server, apiKey = "none") =>
  new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0, timeout: 120_000 });

describe("the TypeScript client", () => {
  let client: OpenAI;
  beforeAll(() => void (client = clientOf(server)));

  const inTime = (name: string, run: () => Promise<void>) => test(name, run, SLOW);
  const expectParis = async () => {
    const { choices } = await client.chat.completions.create(FRANCE);
    expect(choices[0]!.message.content).toContain("Paris");
  };
  const refusal = async (call: Promise<unknown>): Promise<APIError> => {
    const error = await call.then(
      () => new Error("It was not refused."),
      (error: unknown) => error,
    );
    if (error instanceof APIError) return error;
    throw error;
  };

  inTime("a chat is answered", async () => {
    const { choices, usage, object } = await client.chat.completions.create(FRANCE);
    expect(object).toBe("chat.completion");
    expect(choices[0]!.message.content).toContain("Paris");
    expect(choices[0]!.finish_reason).toBe("stop");
    expect(usage!.total_tokens).toBe(usage!.prompt_tokens + usage!.completion_tokens);
  });

  inTime("a chat is streamed", async () => {
    const stream = await client.chat.completions.create({ ...FRANCE, stream: true, stream_options: { include_usage: true } });
    const chunks = await Array.fromAsync(stream);
    const pieces = chunks.flatMap(({ choices }) => choices[0]?.delta.content || []);
    expect(pieces.join("")).toContain("Paris");
    expect(pieces.length).toBeGreaterThan(4);
    expect(chunks.at(-2)!.choices[0]!.finish_reason).toBe("stop");
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: expect.any(Number) } });
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
  });

  inTime("the streaming helper collects the same answer", async () => {
    const stream = client.chat.completions.stream(FRANCE);
    expect(await stream.finalContent()).toContain("Paris");
  });

  inTime("a stream can be aborted, and its work stops", async () => {
    const stream = await client.chat.completions.create({ ...STORY, stream: true });
    let pieces = 0;
    for await (const { choices } of stream) {
      if (!choices[0]?.delta.content) continue;
      pieces++;
      stream.controller.abort();
    }
    expect(pieces).toBeGreaterThan(0);
    await becomesIdle(server.children()[0]!);
    await expectParis();
  });

  inTime("a request can be aborted before its answer, and its work stops", async () => {
    const leave = new AbortController();
    const asked = refusal(client.chat.completions.create(STORY, { signal: leave.signal }));
    const [engine] = server.children();
    await computes(engine!);
    leave.abort();
    expect(await asked).toBeInstanceOf(APIUserAbortError);
    await becomesIdle(engine!);
    await expectParis();
  });

  inTime("the models are listed", async () => {
    const models = await Array.fromAsync(client.models.list());
    expect(models.map(({ id }) => id)).toContain(DEFAULT_MODEL);
  });

  inTime("a model is retrieved", async () => {
    const model = await client.models.retrieve(DEFAULT_MODEL);
    expect(model).toMatchObject({ id: DEFAULT_MODEL, object: "model", created: expect.any(Number) });
    expect(model.owned_by).toBeString();
  });

  inTime("a bad temperature is a BadRequestError", async () => {
    const error = await refusal(client.chat.completions.create({ ...FRANCE, temperature: 3 }));
    expect(error).toBeInstanceOf(BadRequestError);
    expect(error).toMatchObject({ code: "invalid_value", param: "temperature", type: "invalid_request_error" });
    expect(error.requestID).toStartWith("req_");
  });

  inTime("too long a prompt is a BadRequestError, streamed or not", async () => {
    for (const stream of [false, true]) {
      const error = await refusal(client.chat.completions.create({ ...ask("word ".repeat(9000)), stream }));
      expect(error).toBeInstanceOf(BadRequestError);
      expect(error).toMatchObject({ code: "context_length_exceeded", param: "messages" });
      expect(error.message).toMatch(/90\d\d tokens, and this model's maximum context length is 8192 tokens/);
    }
  });

  inTime("an unknown model is a NotFoundError", async () => {
    // One after the other: a call that fails while another one is waited for is nobody's.
    for (const call of [
      () => client.chat.completions.create({ ...FRANCE, model: "nope" }),
      () => client.models.retrieve("nope"),
    ]) {
      const error = await refusal(call());
      expect(error).toBeInstanceOf(NotFoundError);
      expect(error.code).toBe("model_not_found");
    }
  });

  inTime("a wrong key is an AuthenticationError, the right one lets in", async () => {
    const error = await refusal(clientOf(guarded, "wrong").models.list());
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error.code).toBe("invalid_api_key");
    expect((await clientOf(guarded, KEY).models.list()).data).toHaveLength(1);
  });
});

// Making the environment takes its time, and only then it is known whether there is one.
const python = await pythonClient();
const skip = "skip" in python ? python.skip : undefined;

describe.skipIf(skip !== undefined)(`the Python client${skip === undefined ? "" : ` (skipped: ${skip})`}`, () => {
  const outcomes = new Map<string, string>();
  beforeAll(async () => {
    if (!("python" in python)) return;
    const words = [SCRIPT, server.url, DEFAULT_MODEL, guarded.url, KEY];
    const { stdout } = await promisify(execFile)(python.python, words, { timeout: SLOW });
    for (const line of stdout.trim().split("\n")) outcomes.set(...(line.split("\t") as [string, string]));
  }, SLOW);

  test.each([
    "a chat is answered",
    "a chat is streamed",
    "a stream can be left",
    "the models are listed",
    "a model is retrieved",
    "a bad temperature is a BadRequestError",
    "too long a prompt is a BadRequestError",
    "an unknown model is a NotFoundError",
    "a wrong key is an AuthenticationError",
  ])("%s", (name) => expect(outcomes.get(name)).toBe("ok"));

  test("no check of the script is left out here", () => expect(outcomes.size).toBe(9));
});
