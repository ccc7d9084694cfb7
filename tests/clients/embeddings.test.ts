// OpenAI's client, unchanged, asks each native engine for embeddings, with real weights.
import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { EMBEDDINGS_PROGRAM, runClientProgram } from "../support/client-programs.ts";
import { addEncoders } from "../support/encoders-folder.ts";
import { realServer } from "../support/llama-server-binary.ts";
import { runtimes } from "../support/runtimes.ts";
import { startServer, type Server } from "../support/server.ts";

const SLOW = 300_000;
const data = await mkdtemp(join(tmpdir(), "ingle-encoders-"));
const encoders = await addEncoders(data);
const { skip } = await realServer();
afterAll(() => rmSync(data, { recursive: true }));

for (const [adapter, why = encoders.skip] of [["node-llama-cpp"], ["llama-server", skip]] as const)
  describe.skipIf(why !== undefined)(`${adapter}${why === undefined ? "" : ` (skipped: ${why})`}`, () => {
    let server: Server;
    beforeAll(async () => {
      const runtime = runtimes().find(({ skip }) => skip === undefined)!;
      // One thread: several wait for each other where the machine has other work.
      server = await startServer(runtime, ["--threads", "1", "--adapter", adapter], { data });
    }, SLOW);
    afterAll(async () => void (await server?.stop()), SLOW);

    test(
      `${EMBEDDINGS_PROGRAM.client}: has what it asks for`,
      async () => {
        const run = await runClientProgram(EMBEDDINGS_PROGRAM, server.url);
        if ("skip" in run) throw new Error(`It cannot be run: ${run.skip}.`);
        expect(run.outcomes).toEqual(Object.fromEntries(EMBEDDINGS_PROGRAM.checks.map((name) => [name, "ok"])));
      },
      SLOW,
    );
  });
