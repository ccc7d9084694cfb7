// Programs on clients of others, each run against a server.
import { rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type ClientProgram, runClientProgram } from "../support/client-programs.ts";
import { realServer } from "../support/llama-server-binary.ts";
import { runtimes } from "../support/runtimes.ts";
import { startServer, type Server } from "../support/server.ts";

const SLOW = 1_500_000;

interface ProgramsOptions {
  /** A server for each; absent: each native engine. */
  adapters?: readonly string[];
  /** Of the server, beside its adapter. */
  options: readonly string[];
  /** With the models of the programs; removed in the end. */
  data: string;
  /** Why its models are not there. */
  skip?: string | undefined;
}

export async function testPrograms(
  programs: readonly ClientProgram[],
  { adapters = ["node-llama-cpp", "llama-server"], options, data, skip }: ProgramsOptions,
): Promise<void> {
  afterAll(() => rmSync(data, { recursive: true }));
  const { skip: unbuilt } = await realServer();

  for (const adapter of adapters) {
    const why = skip ?? (adapter === "llama-server" ? unbuilt : undefined);
    describe.skipIf(why !== undefined)(`${adapter}${why === undefined ? "" : ` (skipped: ${why})`}`, () => {
      let server: Server;
      beforeAll(async () => {
        const runtime = runtimes().find(({ skip }) => skip === undefined)!;
        server = await startServer(runtime, [...options, "--adapter", adapter], { data });
      }, SLOW);
      afterAll(async () => void (await server?.stop("SIGKILL")), SLOW);

      test.each(programs)(
        "$client: has what it asks for",
        async (program) => {
          const run = await runClientProgram(program, server.url);
          if ("skip" in run) throw new Error(`It cannot be run: ${run.skip}.`);
          expect(run.outcomes).toEqual(Object.fromEntries(program.checks.map((name) => [name, "ok"])));
        },
        SLOW,
      );
    });
  }
}
