// `npm run test:structured`: 10 answers under each of 20 schemas and 50 calls, on each native engine; and calls of
// tiny models of each family of templates; then both engines side by side, on the same requests. Its exit code is 1 where one is wrong.
import type { ChatRequest } from "../../adapters/adapter.ts";
import type { InstalledModel } from "../../models/manifest.ts";
import { realServer } from "../support/llama-server-binary.ts";
import { startPrompts } from "../support/prompts.ts";
import { tinyModel } from "../support/models.ts";
import { TOOL_TEMPLATES } from "../support/tool-templates.ts";
import { realModel } from "../support/real-model.ts";
import { parityOf } from "./parity.ts";
import { NEAR } from "./parity/greedy.ts";
import { greedyRequests, repeatedRequests } from "./parity/requests.ts";
import { nativeEngines } from "../support/native-engines.ts";
import { runCalls, runSchema } from "./run.ts";
import { CASES } from "./schemas.ts";

const [SCHEMA_ROUNDS, CALL_ROUNDS, FAMILY_ROUNDS] = [10, 50, 4];

const prompts = startPrompts();
let wrong = 0;
for (const [name, adapter, skip] of await nativeEngines(prompts)) {
  if (skip !== undefined) {
    console.error(`${name}: left out: ${skip}`);
    continue;
  }
  const engine = await adapter.load(await realModel(), { slots: 1, context: 2048 }, AbortSignal.timeout(60_000));
  for (const one of [...CASES, undefined]) {
    const row = one === undefined ? await runCalls(engine, CALL_ROUNDS) : await runSchema(engine, one, SCHEMA_ROUNDS);
    console.log(`${name} | ${one?.name ?? "calls"} | ${row.generations} | ${row.cut} cut | ${row.wrong.length} wrong`);
    for (const words of row.wrong) console.error(words);
    wrong += row.wrong.length;
  }
  await engine.close();
  for (const [family, template] of Object.entries(TOOL_TEMPLATES)) {
    const tiny = await adapter.load(
      await tinyModel({ template, context_length: 4096 }),
      { slots: 1, context: 4096 },
      AbortSignal.timeout(60_000),
    );
    const row = await runCalls(tiny, FAMILY_ROUNDS);
    console.log(`${name} | calls of ${family} | ${row.generations} | ${row.cut} cut | ${row.wrong.length} wrong`);
    for (const words of row.wrong) console.error(words);
    wrong += row.wrong.length;
    await tiny.close();
  }
}
await prompts.close();
const { path } = await realServer();
if (path !== undefined) {
  for (const [model, apart, greedy] of await paired()) {
    const { faults, ...counts } = await parityOf({ model, binary: path, apart, greedy, repeated: repeatedRequests });
    console.log(`both engines | ${model.id} | ${JSON.stringify(counts)} | ${faults.length} wrong`);
    for (const words of faults) console.error(words);
    wrong += faults.length;
  }
}
console.log(`${wrong} wrong`);
process.exit(wrong === 0 ? 0 : 1);

/** A model of 32-bit floats, whose random answers are no text to compare; and the real one, of 4 bits. */
async function paired(): Promise<[model: InstalledModel, apart: number, greedy: readonly ChatRequest[]][]> {
  return [
    [await tinyModel({ context_length: 2048 }), 0.05, []],
    [await realModel(), NEAR, greedyRequests],
  ];
}
