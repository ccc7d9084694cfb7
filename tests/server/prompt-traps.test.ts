// Prompts and chat templates that are traps, sent to a server on each runtime while another client reads a stream.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { withLibrary } from "../support/library.ts";
import { PLAIN_TEMPLATE, tinyModel } from "../support/models.ts";
import { childrenOf, named } from "../support/processes.ts";
import { record } from "../support/record.ts";
import { runtimes } from "../support/runtimes.ts";
import { eventually, startServer, type Server } from "../support/server.ts";

const TRAP =
  '{% if messages[0].content == "bomb" %}{% set ns = namespace(text="0123456789abcdef") %}' +
  "{% for i in range(24) %}{% set ns.text = ns.text + ns.text %}{% endfor %}{{ ns.text }}{% endif %}";
const ENDLESS = "{% for i in range(1000000000) %}{{ i }}{% endfor %}";
const MiB = 1024 * 1024;
const SLOW_MS = 120_000;

const user = (content: unknown) => ({ role: "user", content });
const parts = Array.from({ length: 20_000 }, () => ({ type: "text", text: "</s>" }));

/** Messages, and the code of their refusal. */
const TRAPS: Record<string, { model?: string; messages: object[]; code: string }> = {
  "a template that doubles": { model: "trap", messages: [user("bomb")], code: "template_failed" },
  "a template that never ends": { model: "endless", messages: [user("hello")], code: "template_failed" },
  "one letter, 9 MiB of it": { messages: [user("a".repeat(9 * MiB))], code: "context_length_exceeded" },
  "100,000 names of special tokens": { messages: [user("</s>".repeat(100_000))], code: "context_length_exceeded" },
  "30,000 messages of a letter": {
    messages: Array.from({ length: 30_000 }, () => user("a")),
    code: "context_length_exceeded",
  },
  "240,000 noncharacters": { messages: [user(`${"\uFDD0".repeat(240_000)}</s>`)], code: "context_length_exceeded" },
  "20,000 parts of a message": { messages: [user(parts)], code: "context_length_exceeded" },
  "a word without an end": { messages: [user("word".repeat(MiB))], code: "context_length_exceeded" },
};

for (const runtime of runtimes())
  describe.skipIf(runtime.skip !== undefined)(
    `traps for a server on ${runtime.name}${runtime.skip ? ` (${runtime.skip})` : ""}`,
    () => {
      let root: string;
      let server: Server;

      beforeAll(async () => {
        root = await mkdtemp(join(tmpdir(), "ingle-traps-"));
        const models = {
          plain: PLAIN_TEMPLATE,
          trap: TRAP + PLAIN_TEMPLATE,
          endless: ENDLESS,
        };
        await withLibrary(join(root, "data"), async (library) => {
          for (const [id, template] of Object.entries(models))
            await library.add(record(id, (await tinyModel({ template, context_length: 8_192 })).path));
        });
        server = await startServer(runtime, ["--adapter", "node-llama-cpp", "--context", "8192"], { data: join(root, "data") });
      }, SLOW_MS);
      afterAll(async () => {
        await server?.stop();
        rmSync(root, { recursive: true, force: true });
      });

      const ask = async (model: string, messages: object[], max_tokens = 2) => {
        const answer = await server.chat({ model, messages, max_tokens });
        const { error, usage } = (await answer.json()) as { error?: { code: string; param: string }; usage?: object };
        return { status: answer.status, code: error?.code, param: error?.param, usage };
      };
      const hosts = (): number[] => childrenOf(server.pid).filter((pid) => named("prompt-host").includes(pid));

      test(
        "no process renders before a model is loaded",
        async () => {
          expect(hosts()).toEqual([]);
          expect((await ask("plain", [user("hello")])).status).toBe(200);
          expect(hosts()).toHaveLength(1);
        },
        SLOW_MS,
      );

      for (const [name, { model = "plain", messages, code }] of Object.entries(TRAPS))
        test(
          `${name}: 400, and a stream of the same server is whole`,
          async () => {
            // Loaded before, as a load takes the processor.
            await ask(model, [user("hello")]);
            const stream = await server.chat({
              model: "plain",
              messages: [user("hello")],
              max_tokens: 200,
              stream: true,
              temperature: 0,
            });
            const refused = ask(model, messages);
            const text = await stream.text();
            expect(text).toEndWith("data: [DONE]\n\n");
            expect(await refused).toMatchObject({ status: 400, code, param: code === "template_failed" ? "model" : "messages" });
            expect(await ask("plain", [user("hello")])).toMatchObject({ status: 200 });
          },
          SLOW_MS,
        );

      test(
        "renders whose process is killed are made by the next one",
        async () => {
          const before = hosts();
          const answers = Array.from({ length: 12 }, (_, index) => ask("plain", [user(`hello ${index}`)]));
          for (const pid of before) process.kill(pid, "SIGKILL");
          for (const { status } of await Promise.all(answers)) expect(status).toBe(200);
          await eventually("another process is there", () => hosts().length === 1 && hosts()[0] !== before[0]);
        },
        SLOW_MS,
      );
    },
  );
