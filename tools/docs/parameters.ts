// The tables of docs/api.md, from the lists of parameters of its endpoints: what becomes of each is tried, of every kind of engine.
import { join } from "node:path";
import type { Adapter } from "../../adapters/adapter.ts";
import type { Model } from "../../models/manifest.ts";
import type { KnownParameter } from "../../src/api/generation/parameters/known.ts";
import { ApiError } from "../../src/http/errors.ts";
import { createAdapters } from "../../src/server/adapters.ts";
import type { Config } from "../../src/server/settings.ts";
import { CHAT_TABLE } from "./parameters/chat.ts";
import { COMPLETIONS_TABLE } from "./parameters/completions.ts";
import { EMBEDDINGS_TABLE, RERANK_TABLE } from "./parameters/embeddings.ts";
import { DECISIONS_TABLE } from "./parameters/decisions.ts";
import { RESPONSES_TABLE } from "./parameters/responses.ts";
import { DETOKENIZE_TABLE, TOKENIZE_TABLE } from "./parameters/tokenize.ts";
import { exampleOf, isOf, type ParameterTable } from "./parameters/table.ts";
import { type MadePage, markdownTable, pageWith } from "./table.ts";

const PAGE = join(import.meta.dirname, "../../docs/api.md");
const END = "\n<!-- End of the table. -->";

export const TABLES: readonly ParameterTable[] = [
  CHAT_TABLE,
  RESPONSES_TABLE,
  COMPLETIONS_TABLE,
  TOKENIZE_TABLE,
  DETOKENIZE_TABLE,
  EMBEDDINGS_TABLE,
  RERANK_TABLE,
  DECISIONS_TABLE,
];

const ORDER: KnownParameter["treatment"]["type"][] = ["honoured", "mapped", "switch", "thoughts", "passed over", "refused"];

/** The kinds of engines, by the heads of their columns. */
export const COLUMNS = { "node-llama-cpp": "embedded", "llama-server": "llama-server", upstream: "other servers" } as const;

const ENGINES = Object.keys(COLUMNS) as (keyof typeof COLUMNS)[];
const HEAD = ["parameter", "known from", ...Object.values(COLUMNS), "is", "asks for nothing"];

export async function parametersPage(): Promise<MadePage> {
  const parts = TABLES.map(async (table) => ({
    begin: `<!-- The table is made by \`npm run docs\` from ${table.source}. -->\n\n`,
    ...{ end: END, text: markdownTable(await rowsOf(table)) },
  }));
  return pageWith(PAGE, ...(await Promise.all(parts)));
}

async function rowsOf(table: ParameterTable): Promise<string[][]> {
  const names = ORDER.flatMap((type) => [...table.list].filter(([, { treatment }]) => treatment.type === type));
  const rows = names.map(async ([name, { from, nothing, treatment }]) => {
    const cells = await Promise.all(ENGINES.map((engine) => cellOf(table, name, engine)));
    return [`\`${name}\``, from, ...cells, treatment.type === "mapped" ? `\`${treatment.to}\`` : "", nothing.says];
  });
  return [HEAD, ...(await Promise.all(rows))];
}

const SILENT = { info: () => {}, warn: () => {} };

/** A model with a template with tools, thoughts, a switch for them and efforts, and with tokens that fill in; and one that has none of these. */
const RICH: Partial<Model> = {
  template_tools: true,
  template_kwargs: ["enable_thinking", "reasoning_effort"],
  template_thinking: true,
  fill_in: true,
};
const POOR: Partial<Model> = { template_tools: false, template_kwargs: [], template_thinking: false, fill_in: false };

/** Two words where it depends on the model. */
async function cellOf(table: ParameterTable, name: string, engine: keyof typeof COLUMNS): Promise<string> {
  const outcome = (setting: Config["adapter"], more: Partial<Model>) => outcomeOf(table, name, setting, more);
  if (engine === "upstream") return outcome("auto", { files: [], upstream: { urls: ["http://127.0.0.1:1/v1"] } });
  const [rich, poor] = [await outcome(engine, RICH), await outcome(engine, POOR)];
  return rich === poor ? rich : `${rich} / ${poor}`;
}

/** `setting`: as `--adapter` has it. */
async function outcomeOf(table: ParameterTable, name: string, setting: Config["adapter"], more: Partial<Model>): Promise<string> {
  const files = [{ name: "tiny.gguf", sources: [] }];
  const base = { id: "tiny", object: "model", name: "tiny", version: "1", description: "", format: "gguf", created: 0 } as const;
  const model: Model = { ...base, owned_by: "", settings: {}, parameters: {}, metadata: {}, files, ...more };
  const adapter: Adapter = createAdapters({ adapter: setting, llama_server: undefined }, SILENT).adapterOf(model);
  try {
    const { ignored, handed_on } = await table.try({ ...table.needed, ...exampleOf(table, name) }, model, adapter);
    if (ignored.some((path) => isOf(name, path))) return "passed over";
    return handed_on.includes(name) ? "handed on" : "honoured";
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return error.code === "unsupported_parameter" ? "refused" : `refused: \`${error.code}\``;
  }
}
