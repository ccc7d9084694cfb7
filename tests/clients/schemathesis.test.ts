// schemathesis against the real server: made-up requests by the published document, right ones and wrong ones, and sequences of them.
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { extendedDocument } from "../support/extended-document.ts";
import { pythonSchemathesis } from "../support/python.ts";
import { runtimes } from "../support/runtimes.ts";
import { startServer, type Server } from "../support/server.ts";

const SLOW = 300_000;

/** The document bounds no text and no number: much of what it allows is refused, by name. */
const TOLD_APART = "positive_data_acceptance";

const installed = await pythonSchemathesis();
const skip = "skip" in installed ? installed.skip : undefined;

let folder: string;
let server: Server;
beforeAll(async () => {
  if (skip !== undefined) return;
  folder = await mkdtemp(join(tmpdir(), "ingle-schemathesis-"));
  await writeFile(join(folder, "document.json"), JSON.stringify(extendedDocument()));
  server = await startServer(
    runtimes().find(({ name }) => name === "bun")!,
    ["--adapter", "echo"],
    { data: join(folder, "data") },
  );
}, SLOW);
afterAll(async () => {
  await server?.stop("SIGKILL");
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

test.skipIf(skip !== undefined)(
  skip ?? "no made-up request gets a 5xx, or an answer that the extended document does not have",
  async () => {
    const { python } = installed as { python: string };
    const flags = ["--checks", "all", "--exclude-checks", TOLD_APART, "--max-examples", "5", "--seed", "1"];
    const more = ["--suppress-health-check", "all", "--continue-on-failure", "--no-color", "--url", `${server.url}/v1`];
    const command = ["-m", "schemathesis.cli", "run", join(folder, "document.json"), ...flags, ...more];
    const { code, report } = await new Promise<{ code: unknown; report: string }>((resolve) =>
      execFile(python, command, { cwd: folder, maxBuffer: 2 ** 26 }, (error, stdout, stderr) =>
        resolve({ code: error?.code ?? 0, report: stdout + stderr }),
      ),
    );
    expect(code === 0 ? "" : report).toBe("");
    expect(report).toMatch(/Tested:\s+39\b/);
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
  },
  SLOW,
);
