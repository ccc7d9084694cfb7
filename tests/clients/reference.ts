// `npm run test:reference [ADAPTER [EXAMPLES [PHASES]]]`: schemathesis by ingle's reference, all its phases, with a real model.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEFAULT_MODEL } from "../../models/catalog.ts";
import { withLibrary } from "../support/library.ts";
import { pythonSchemathesis } from "../support/python.ts";
import { realModel } from "../support/real-model.ts";
import { record } from "../support/record.ts";
import { reference } from "../support/reference.ts";
import { runtimes } from "../support/runtimes.ts";
import { EXCLUDED_OF_REFERENCE, runSchemathesis } from "../support/schemathesis.ts";
import { startServer } from "../support/server.ts";

const [adapter = "node-llama-cpp", examples = "10", phases = "examples,coverage,fuzzing,stateful"] = process.argv.slice(2);
const installed = await pythonSchemathesis();
if ("skip" in installed) throw new Error(`schemathesis does not run here: ${installed.skip}.`);

const folder = mkdtempSync(join(tmpdir(), "ingle-reference-"));
const data = mkdtempSync(join(tmpdir(), "ingle-reference-data-"));
const { path } = await realModel();
// Short answers: thousands of requests ask for one.
await withLibrary(data, (library) => library.add({ ...record(DEFAULT_MODEL, path), parameters: { max_tokens: 8 } }));
const runtime = runtimes().find(({ skip }) => skip === undefined)!;
const server = await startServer(runtime, ["--context", "512", "--adapter", adapter, "--offline"], { data });
try {
  const { code, report } = await runSchemathesis({
    ...{ python: installed.python, folder, document: reference, url: server.url },
    // What a server without the network answers of models that are not here; our own check looks for a 500.
    exclude: [...EXCLUDED_OF_REFERENCE, "not_a_server_error"],
    flags: ["--max-examples", examples, "--phases", phases, "--request-timeout", "60"],
  });
  console.log(report);
  process.exitCode = code;
} finally {
  await server.stop();
  for (const path of [data, folder]) rmSync(path, { recursive: true });
}
