// `npm run test:reference [ADAPTER]`: schemathesis by ingle's reference, all its phases, with a real model.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pythonSchemathesis } from "../support/python.ts";
import { folderWithModel } from "../support/real-model.ts";
import { reference } from "../support/reference.ts";
import { runtimes } from "../support/runtimes.ts";
import { EXCLUDED_OF_REFERENCE, runSchemathesis } from "../support/schemathesis.ts";
import { startServer } from "../support/server.ts";

const [adapter = "node-llama-cpp", examples = "10"] = process.argv.slice(2);
const installed = await pythonSchemathesis();
if ("skip" in installed) throw new Error(`schemathesis does not run here: ${installed.skip}.`);

const folder = mkdtempSync(join(tmpdir(), "ingle-reference-"));
const data = await folderWithModel();
const runtime = runtimes().find(({ skip }) => skip === undefined)!;
const server = await startServer(runtime, ["--context", "512", "--adapter", adapter, "--offline"], { data });
try {
  const { code, report } = await runSchemathesis({
    ...{ python: installed.python, folder, document: reference, url: server.url },
    exclude: EXCLUDED_OF_REFERENCE,
    flags: ["--max-examples", examples],
  });
  console.log(report);
  process.exitCode = code;
} finally {
  await server.stop();
  for (const path of [data, folder]) rmSync(path, { recursive: true });
}
