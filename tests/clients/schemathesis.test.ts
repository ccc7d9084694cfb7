// schemathesis against the real server, by Jan's document with what ingle adds to it, and by ingle's own reference.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { extendedDocument } from "../support/extended-document.ts";
import { pythonSchemathesis } from "../support/python.ts";
import { reference, referenceOperations } from "../support/reference.ts";
import { runtimes } from "../support/runtimes.ts";
import { ALWAYS_EXCLUDED, EXCLUDED_OF_REFERENCE, runSchemathesis } from "../support/schemathesis.ts";
import { startServer, type Server } from "../support/server.ts";

const SLOW = 300_000;

const installed = await pythonSchemathesis();
const skip = "skip" in installed ? installed.skip : undefined;
const { python } = installed as { python: string };

let folder: string;
let server: Server;
beforeAll(async () => {
  if (skip !== undefined) return;
  folder = await mkdtemp(join(tmpdir(), "ingle-schemathesis-"));
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
    const { code, report } = await runSchemathesis({
      ...{ python, folder, document: extendedDocument(), url: `${server.url}/v1` },
      exclude: ALWAYS_EXCLUDED,
      flags: ["--max-examples", "5"],
    });
    expect(code === 0 ? "" : report).toBe("");
    expect(report).toMatch(/Tested:\s+39\b/);
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
  },
  SLOW,
);

// All that each field can be made is the part of "npm run test:reference", which takes minutes.
test.skipIf(skip !== undefined)(
  skip ?? "no made-up request gets a 5xx, or an answer or a code of an error that the reference does not have",
  async () => {
    const { code, report } = await runSchemathesis({
      ...{ python, folder, document: reference, url: server.url },
      exclude: EXCLUDED_OF_REFERENCE,
      flags: ["--max-examples", "5", "--phases", "examples,fuzzing,stateful"],
    });
    expect(code === 0 ? "" : report).toBe("");
    expect(report).toMatch(new RegExp(`Tested:\\s+${referenceOperations.length}\\b`));
  },
  SLOW,
);
