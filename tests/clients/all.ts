// `npm run test:clients [ADAPTER [CLIENT…]]`: every client of tests/clients/programs, or those of these names, one after the other, with real
// models.
import { rmSync } from "node:fs";
import { CLIENT_PROGRAMS, MORE_CLIENT_PROGRAMS, runClientProgram } from "../support/client-programs.ts";
import { addEncoders } from "../support/encoders-folder.ts";
import { folderWithModel } from "../support/real-model.ts";
import { runtimes } from "../support/runtimes.ts";
import { startServer } from "../support/server.ts";

const [adapter = "node-llama-cpp", ...names] = process.argv.slice(2);
const all = [...CLIENT_PROGRAMS, ...MORE_CLIENT_PROGRAMS];
const unknown = names.find((name) => all.every(({ client }) => client !== name));
if (unknown !== undefined)
  throw new Error(`There is no client "${unknown}", but ${all.map(({ client }) => `"${client}"`).join(", ")}.`);
const programs = names.length === 0 ? all : all.filter(({ client }) => names.includes(client));
const count = { passed: 0, failed: 0, skipped: 0 };

const data = await folderWithModel();
const encoders = await addEncoders(data);
const runtime = runtimes().find(({ skip }) => skip === undefined)!;
// One thread: several wait for each other where the machine has other work.
const server = await startServer(runtime, ["--threads", "1", "--context", "4096", "--adapter", adapter], { data });
try {
  for (const program of programs) {
    const { skip } = program.model === undefined ? {} : encoders;
    const run = skip === undefined ? await runClientProgram(program, server.url).catch((error: Error) => error) : { skip };
    if ("skip" in run) {
      console.log(`${program.client}: skipped, as ${run.skip}`);
      count.skipped += program.checks.length;
      continue;
    }
    for (const check of program.checks) {
      const outcome = run instanceof Error ? run.message : (run.outcomes[check] ?? "was not run");
      count[outcome === "ok" ? "passed" : "failed"]++;
      console.log(`${program.client}: ${check}: ${outcome}`);
    }
  }
} finally {
  await server.stop();
  rmSync(data, { recursive: true });
}
console.log(`\n${count.passed} passed, ${count.failed} failed${count.skipped ? `, ${count.skipped} skipped` : ""}`);
process.exitCode = count.failed === 0 ? 0 : 1;
