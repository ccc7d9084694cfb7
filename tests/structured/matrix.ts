// `npm run test:structured [ENGINE]`: 10 answers under each of 20 schemas, 50 calls, and 20 conversations with calls, on each native engine;
// 50 calls and 5 conversations of a tiny model of each family of templates; then both engines side by side, on the same requests. Its exit code is 1 where one is
// wrong.
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
import { openModelApi } from "./model-api.ts";
import { runCalls, runConversations, runSchema, type StructuredRow } from "./run.ts";
import { CASES } from "./schemas.ts";

const [SCHEMA_ROUNDS, CALL_ROUNDS, CONVERSATION_ROUNDS, FAMILY_CONVERSATIONS] = [10, 50, 20, 5];
const [only] = process.argv.slice(2);

const prompts = startPrompts();
let wrong = 0;
for (const [name, adapter, skip] of await nativeEngines(prompts)) {
  if (only !== undefined && name !== only) continue;
  if (skip !== undefined) {
    console.error(`${name}: left out: ${skip}`);
    continue;
  }
  const real = openModelApi(adapter, await realModel(), 2048);
  for (const one of CASES) print(name, one.name, await runSchema(real, one, SCHEMA_ROUNDS));
  print(name, "calls", await runCalls(real, CALL_ROUNDS));
  const conversations = await runConversations(real, CONVERSATION_ROUNDS);
  print(name, `conversations, ${conversations.parallel} with parallel calls`, conversations);
  await real.close();
  for (const [family, template] of Object.entries(TOOL_TEMPLATES)) {
    const tiny = openModelApi(adapter, await tinyModel({ template, context_length: 4096 }), 4096);
    print(name, `calls of ${family}`, await runCalls(tiny, CALL_ROUNDS));
    const { parallel, ...row } = await runConversations(tiny, FAMILY_CONVERSATIONS);
    print(name, `conversations of ${family}, ${parallel} with parallel calls`, row);
    await tiny.close();
  }
}
await prompts.close();
const { path } = await realServer();
if (path !== undefined && only === undefined) {
  for (const [model, apart, greedy] of await paired()) {
    const { faults, ...counts } = await parityOf({ model, binary: path, apart, greedy, repeated: repeatedRequests });
    console.log(`both engines | ${model.id} | ${JSON.stringify(counts)} | ${faults.length} wrong`);
    for (const words of faults) console.error(words);
    wrong += faults.length;
  }
}
console.log(`${wrong} wrong`);
process.exit(wrong === 0 ? 0 : 1);

function print(engine: string, what: string, row: StructuredRow): void {
  console.log(`${engine} | ${what} | ${row.generations} | ${row.cut} cut | ${row.wrong.length} wrong`);
  for (const words of row.wrong) console.error(words);
  wrong += row.wrong.length;
}

/** A model of 32-bit floats, whose random answers are no text to compare; and the real one, of 4 bits. */
async function paired(): Promise<[model: InstalledModel, apart: number, greedy: readonly ChatRequest[]][]> {
  return [
    [await tinyModel({ context_length: 2048 }), 0.05, []],
    [await realModel(), NEAR, greedyRequests],
  ];
}
