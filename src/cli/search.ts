// `ingle search`: models of the catalogue and of the hub whose names have the words.
import { defineCommand } from "citty";
import { catalog } from "../../models/catalog.ts";
import { OFFLINE, SourceError } from "../../models/download-errors.ts";
import { type FoundRepo, searchHub } from "../../models/sources/hub-search.ts";
import { readConfig, sourceOptions } from "../server/read-config.ts";
import { formatBytes } from "../support/quantities.ts";
import { CliError } from "./error.ts";
import { print, printNote } from "./print.ts";
import { CONFIG_ARG, settingArgs, settingsOf } from "./setting-args.ts";
import { table, type TableColumn } from "./table.ts";

const MOST = 20;

export default defineCommand({
  args: {
    words: { type: "positional", required: true, description: "What the name is to have, such as qwen coder", valueHint: "…" },
    json: { type: "boolean", default: false, description: "One JSON array instead of a table" },
    ...settingArgs("allow_private", "download_hosts", "offline"),
    ...CONFIG_ARG,
  },
  async run({ args: { _: words, words: _words, json, ...flags } }) {
    const text = words.join(" ").trim();
    const options = sourceOptions(readConfig(settingsOf(flags)), undefined, { for_owner: true });
    if (options.offline) throw new CliError(OFFLINE);
    const repos = await searchHub(text, MOST, options, AbortSignal.timeout(SEARCH_MS)).catch((error) => {
      throw error instanceof SourceError ? new CliError(error.message, 1, { cause: error }) : error;
    });
    const rows = [...(await listedWith(text)), ...repos.map(rowOf)];
    if (json) return void print(JSON.stringify(rows, null, 2));
    if (rows.length === 0) return printNote(`Nothing with GGUF files has "${text}" in its name. Fewer words find more.`);
    await print(formatTable(rows));
    printNote(`"ingle pull ${rows[0]!.name}" fetches the first.`);
  },
});

const SEARCH_MS = 60_000;

interface FoundModel {
  /** As `ingle pull` takes it. */
  name: string;
  /** Bytes; null while unknown, as the hub does not say which of its files would be taken. */
  size: number | null;
  /** In the last 30 days; null for a model of the catalogue. */
  downloads: number | null;
  likes: number | null;
  license: string | null;
}

async function listedWith(text: string): Promise<FoundModel[]> {
  const words = text.toLowerCase().split(/\s+/);
  const listed = (await catalog()).filter(({ id }) => words.every((word) => id.includes(word)));
  return listed.map(({ id, license, metadata: { size } }) => {
    return { name: id, size: size ?? null, downloads: null, likes: null, license: license ?? null };
  });
}

const rowOf = ({ repo, downloads, likes, license }: FoundRepo): FoundModel => ({
  ...{ name: `hf:${repo}`, size: null },
  ...{ downloads, likes, license: license ?? null },
});

function formatTable(rows: FoundModel[]): string {
  const cells = rows.map(({ name, size, downloads, likes, license }) => [
    name,
    ...[size === null ? "" : formatBytes(size), String(downloads ?? ""), String(likes ?? ""), license ?? "?"],
  ]);
  return table(COLUMNS, cells);
}

const COLUMNS: TableColumn[] = [
  ...[{ title: "NAME" }, { title: "SIZE", leave: 4 }, { title: "DOWNLOADS", leave: 3 }],
  ...[
    { title: "LIKES", leave: 2 },
    { title: "LICENCE", leave: 1 },
  ],
];
