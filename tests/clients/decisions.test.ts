// OpenAI's client, unchanged, asks each native engine for decisions, with the real model.
import { rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { DECISIONS_PROGRAM, runClientProgram } from "../support/client-programs.ts";
import { realServer } from "../support/llama-server-binary.ts";
import { folderWithModel } from "../support/real-model.ts";
import { runtimes } from "../support/runtimes.ts";
import { startServer, type Server } from "../support/server.ts";

const SLOW = 1_500_000;
const { skip } = await realServer();

for (const [adapter, why] of [["node-llama-cpp"], ["llama-server", skip]] as const)
  describe.skipIf(why !== undefined)(`${adapter}${why === undefined ? "" : ` (skipped: ${why})`}`, () => {
    let data: string;
    let server: Server;
    beforeAll(async () => {
      data = await folderWithModel();
      const runtime = runtimes().find(({ skip }) => skip === undefined)!;
      server = await startServer(runtime, ["--context", "8192", "--adapter", adapter], { data });
    }, SLOW);
    afterAll(async () => {
      await server?.stop("SIGKILL");
      rmSync(data, { recursive: true });
    }, SLOW);

    test(
      `${DECISIONS_PROGRAM.client}: has what it asks for`,
      async () => {
        const run = await runClientProgram(DECISIONS_PROGRAM, server.url);
        if ("skip" in run) throw new Error(`It cannot be run: ${run.skip}.`);
        expect(run.outcomes).toEqual(Object.fromEntries(DECISIONS_PROGRAM.checks.map((name) => [name, "ok"])));
      },
      SLOW,
    );
  });
