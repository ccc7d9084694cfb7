// A port that is taken: who has it, and a remedy that works as it is printed.
import { createServer, type AddressInfo } from "node:net";
import { describe, expect, test } from "bun:test";
import { PROGRAM, run, RUNTIME } from "../support/program.ts";
import { emptyFolder } from "../support/old-folder.ts";
import { cleanEnv, startServer } from "../support/server.ts";

const SLOW = 120_000;

const json = (value: object) => Response.json(value);
const NOT_FOUND = () => new Response("Not Found", { status: 404 });

/** What Jan's server answers to who has no key: since 0.6, and before. */
const JAN: Record<string, Record<string, () => Response>> = {
  "0.6": {
    "/": () => new Response("<html><title>API Docs</title></html>", { headers: { "content-type": "text/html" } }),
    "/openapi.json": () => json({ openapi: "3.0.0", info: { title: "Jan API Server Endpoints", version: "1.0" } }),
    "/v1/models": () => new Response("Missing authorization header", { status: 401 }),
  },
  "0.5": {
    "/": () => new Response("<html></html>", { headers: { "content-type": "text/html" } }),
    "/json": () =>
      json({
        openapi: "3.0.0",
        info: { title: "API Reference", description: "# Introduction\nJan API is compatible with others." },
      }),
  },
};
const OTHERS: Record<string, Record<string, () => Response>> = {
  "a server with the same API": { "/v1/models": () => json({ object: "list", data: [] }), "/": () => json({ name: "other" }) },
  "a server whose answer never ends": {
    "/": () => new Response(new ReadableStream({ pull: (controller) => controller.enqueue("[".repeat(100_000)) })),
  },
};

async function withServer(answers: Record<string, () => Response>, work: (port: number) => Promise<void>): Promise<void> {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: ({ url }) => (answers[new URL(url).pathname] ?? NOT_FOUND)(),
  });
  try {
    await work(server.port!);
  } finally {
    await server.stop(true);
  }
}

const serve = (port: number) => {
  const words = ["serve", "--adapter", "echo", `--port=${port}`, "--data", `${emptyFolder()}/a b`];
  return run([...PROGRAM, ...words]);
};

describe("serve names who has its port", () => {
  test.each(Object.entries(JAN))(
    "Jan %s",
    (_, answers) =>
      withServer(answers, async (port) => {
        const { code, stdout, stderr } = await serve(port);
        expect([code, stdout]).toEqual([1, ""]);
        expect(stderr).toMatch(
          new RegExp(
            `^Port ${port} on 127.0.0.1 is in use by Jan's local API server\\. Stop it in Jan's settings, or take a free port: "ingle serve --adapter echo --data '.*/a b' --port \\d+"\\.\n$`,
          ),
        );
      }),
    SLOW,
  );

  test.each(Object.entries(OTHERS))(
    "%s",
    (_, answers) =>
      withServer(answers, async (port) => {
        const who = Bun.which("ss") === null ? "another program" : `"[^"]+", process ${process.pid}`;
        expect((await serve(port)).stderr).toMatch(new RegExp(`is in use by ${who}\\. Stop it, or take`));
      }),
    SLOW,
  );

  test(
    "a program that says nothing",
    async () => {
      const silent = createServer().listen(0, "127.0.0.1");
      await new Promise((resolve) => silent.on("listening", resolve));
      expect((await serve((silent.address() as AddressInfo).port)).stderr).toMatch(/is in use by .+\. Stop it, or take/);
      silent.close();
    },
    SLOW,
  );

  test(
    "another ingle, also one that asks for a key; and the command that it prints starts the server",
    async () => {
      const first = await startServer(RUNTIME, ["--adapter", "echo"], { env: { INGLE_KEY: "k".repeat(20) } });
      try {
        const { stderr } = await serve(Number(new URL(first.url).port));
        const says = /is in use by another ingle, whose base URL is (.*)\. Use that one, or take a free port: "ingle (.*)"\.\n$/;
        const [, base_url, words] = says.exec(stderr) ?? [];
        expect(base_url).toBe(`${first.url}/v1`);
        const second = Bun.spawn(["sh", "-c", `exec "$@" ${words}`, "sh", ...PROGRAM], {
          env: cleanEnv({}),
          stdout: "pipe",
          stderr: "ignore",
        });
        const { value } = await second.stdout.pipeThrough(new TextDecoderStream()).getReader().read();
        second.kill();
        expect(value).toContain("is listening on http://127.0.0.1:");
        await second.exited;
      } finally {
        await first.stop();
      }
    },
    SLOW,
  );
});
