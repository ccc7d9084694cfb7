// Clients and frameworks of others, unchanged, ask the default engine with the real model for schemas, tools, choices and logprobs.
import { rmSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { CLIENT_PROGRAMS, runClientProgram } from "../support/client-programs.ts";
import { folderWithModel } from "../support/real-model.ts";
import { runtimes } from "../support/runtimes.ts";
import { startServer, type Server } from "../support/server.ts";

const SLOW = 1_500_000;
let data: string;
let server: Server;

beforeAll(async () => {
  data = await folderWithModel();
  const runtime = runtimes().find(({ skip }) => skip === undefined)!;
  server = await startServer(runtime, ["--threads", "1", "--context", "4096"], { data });
}, SLOW);
afterAll(async () => {
  await server?.stop("SIGKILL");
  rmSync(data, { recursive: true });
}, SLOW);

test.each(CLIENT_PROGRAMS)(
  "$client has what it asks for",
  async (program) => {
    const run = await runClientProgram(program, server.url);
    if ("skip" in run) throw new Error(`It cannot be run: ${run.skip}.`);
    expect(run.outcomes).toEqual(Object.fromEntries(program.checks.map((name) => [name, "ok"])));
  },
  SLOW,
);
