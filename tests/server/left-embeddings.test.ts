// A client that leaves amid many texts: the engine computes next to none of them for nobody, and answers the next one.
import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "bun:test";
import { addEncoders, ENCODER } from "../support/encoders-folder.ts";
import { realServer } from "../support/llama-server-binary.ts";
import { processorTime } from "../support/processes.ts";
import { runtimes } from "../support/runtimes.ts";
import { startServer } from "../support/server.ts";
import { becomesIdle, computes } from "../support/work.ts";

const SLOW = 120_000;
const data = await mkdtemp(join(tmpdir(), "ingle-left-"));
const encoders = await addEncoders(data);
const { skip } = await realServer();
afterAll(() => rmSync(data, { recursive: true }));

/** Minutes of work. */
const TEXTS = Array.from({ length: 2_048 }, (_, index) => `Text ${index}. ${"The cat sleeps on the mat. ".repeat(30)}`);

for (const [adapter, why = encoders.skip] of [["node-llama-cpp"], ["llama-server", skip]] as const)
  describe.skipIf(why !== undefined)(`${adapter}${why === undefined ? "" : ` (skipped: ${why})`}`, () => {
    test(
      "B-85: stops within a second of its processor's time, and goes on with the next request",
      async () => {
        const runtime = runtimes().find(({ skip }) => skip === undefined)!;
        const server = await startServer(runtime, ["--threads", "1", "--adapter", adapter], { data });
        const post = (input: string | string[], signal: AbortSignal | null = null): Promise<Response> =>
          fetch(`${server.url}/v1/embeddings`, {
            method: "POST",
            headers: { "content-type": "application/json" },
            body: JSON.stringify({ model: ENCODER, input }),
            signal,
          });
        expect((await post("a")).status).toBe(200);
        const [engine = 0] = server.children();
        const leave = new AbortController();
        const answered = post(TEXTS, leave.signal).catch((error: Error) => error.name);
        await computes(engine);
        // Of one thread: a machine that is busy with others gives it less, never more.
        const before = processorTime(engine);
        leave.abort();
        expect(await answered).toBe("AbortError");
        await becomesIdle(engine);
        expect(processorTime(engine) - before).toBeLessThan(1_000);
        expect((await post("a")).status).toBe(200);
        await server.stop();
      },
      SLOW,
    );
  });
