// `ingle adopt`: models that other programs have downloaded are used where they lie, after a look and a question.
import { realpath } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { defineCommand } from "citty";
import { type AdoptableModel, findModels } from "../../models/adoptable/find-models.ts";
import { formatBytes } from "../support/quantities.ts";
import { shellWords } from "../support/shell-words.ts";
import { type Api, withApi } from "./api.ts";
import { isAgreed, isAttended } from "./ask.ts";
import { CliError } from "./error.ts";
import { asCalled } from "./invocation.ts";
import { print, printNote } from "./print.ts";
import { programPlaces } from "./program-places.ts";
import { lineForScreen } from "./screen-text.ts";
import { DATA_ARGS } from "./setting-args.ts";
import { table, type TableColumn } from "./table.ts";

export default defineCommand({
  args: {
    yes: { type: "boolean", default: false, description: "Use them without a question" },
    json: { type: "boolean", default: false, description: "One JSON array instead of a table; nothing is asked" },
    ...DATA_ARGS,
  },
  async run({ args: { yes, json, ...settings } }) {
    const found = await findModels(await programPlaces());
    await withApi(settings, { command: "adopt", reads: !yes }, async (api) => {
      const rows = await rowsOf(api, found);
      if (yes) await adopt(api, rows);
      if (json) return void print(JSON.stringify(rows, null, 2));
      if (rows.length === 0) return printNote(NOTHING);
      await print(formatTable(rows));
      if (!yes) await offer(rows, settings);
    });
  },
});

const NOTHING = "No model of Hugging Face's tools, Ollama, LM Studio or Jan was found on this machine.";

/** `new`: it would be used. `here`: it is used already. `unusable`: see `problem`. `adopted`: it is used from now on. */
interface AdoptRow extends Pick<AdoptableModel, "program" | "id" | "path" | "size" | "quantization"> {
  state: "new" | "here" | "unusable" | "adopted";
  problem?: string;
}

interface ModelHere {
  id: string;
  source_url: string;
}

async function rowsOf(api: Pick<Api, "json">, found: readonly AdoptableModel[]): Promise<AdoptRow[]> {
  const { data } = await api.json<{ data: ModelHere[] }>("/v1/models");
  const here = new Map<string, string>();
  for (const { id, source_url } of data) {
    const path = source_url.startsWith("file:") ? await realpath(fileURLToPath(source_url)).catch(() => undefined) : undefined;
    if (path !== undefined) here.set(path, id);
  }
  const taken = new Set(data.map(({ id }) => id));
  return found.map(({ real_path, problem, ...model }): AdoptRow => {
    const known = here.get(real_path);
    if (known !== undefined) return { ...model, id: known, state: "here" };
    if (problem !== undefined) return { ...model, state: "unusable", problem };
    // Two programs may call two files the same.
    if (taken.has(model.id)) return { ...model, state: "unusable", problem: takenMessage(model) };
    taken.add(model.id);
    return { ...model, state: "new" };
  });
}

const takenMessage = ({ id, path }: Pick<AdoptRow, "id" | "path">): string =>
  `Another model is called ${id}. Name this one: "ingle ${shellWords(["pull", path, "--id", "NAME"])}".`;

/** Each row that is `new` becomes `adopted`, or `unusable` where the API refuses it. */
async function adopt(api: Pick<Api, "request">, rows: AdoptRow[]): Promise<void> {
  for (const row of rows) {
    if (row.state !== "new") continue;
    const { id, path } = row;
    const refused = await api.request("/v1/models", { method: "POST", body: { id, path } }).catch((error) => {
      if (error instanceof CliError) return error;
      throw error;
    });
    if (refused instanceof CliError) Object.assign(row, { state: "unusable", problem: refused.message });
    else row.state = "adopted";
  }
}

/** Asks, where somebody can answer, and does it. */
async function offer(rows: AdoptRow[], settings: Record<string, unknown>): Promise<void> {
  const fresh = rows.filter(({ state }) => state === "new");
  if (fresh.length === 0) return printNote("None of them is new.");
  if (!isAttended()) return printNote('Nothing was changed. "ingle adopt --yes" uses the new ones where they lie.');
  const bytes = formatBytes(fresh.reduce((sum, { size }) => sum + size, 0));
  const which = fresh.length === 1 ? "the new one" : `the ${fresh.length} new ones`;
  if (!(await isAgreed(`Use ${which}, ${bytes}, where they lie? Nothing is copied.`))) return printNote("Nothing was changed.");
  await withApi(settings, { command: "adopt" }, (api) => adopt(api, fresh));
  await print(formatTable(fresh));
}

function formatTable(rows: readonly AdoptRow[]): string {
  const cells = rows.map(({ id, program, size, quantization, state }) => [
    lineForScreen(id),
    ...[program, formatBytes(size), quantization ?? "?", state],
  ]);
  const problems = rows.flatMap(({ id, problem }) =>
    problem === undefined ? [] : [`${lineForScreen(id)}: ${asCalled(lineForScreen(problem))}`],
  );
  return [table(COLUMNS, cells), ...problems].join("\n");
}

const COLUMNS: TableColumn[] = [
  ...[
    { title: "ID", least: 28 },
    { title: "PROGRAM", leave: 3 },
    { title: "SIZE", leave: 2 },
  ],
  ...[{ title: "QUANTISATION", leave: 1 }, { title: "STATE" }],
];
