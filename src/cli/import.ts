// `ingle import`: what an old data folder holds. Without a folder, those of Jan are looked for, and somebody is asked.
import { realpath } from "node:fs/promises";
import { defineCommand } from "citty";
import { janDataFolders } from "../../models/adoptable/jan-folders.ts";
import { recogniseLayout } from "../import/layout.ts";
import { ImportError } from "../import/old-folder.ts";
import type { ImportItem, ReasonedItem, Report } from "../import/report.ts";
import { type Api, readEvents, withApi } from "./api.ts";
import { isAgreed, isAttended } from "./ask.ts";
import { pathArgument } from "./path-argument.ts";
import { print, printNote } from "./print.ts";
import { programPlaces } from "./program-places.ts";
import { lineForScreen } from "./screen-text.ts";
import { DATA_ARGS } from "./setting-args.ts";

export default defineCommand({
  args: {
    folder: {
      type: "positional",
      required: false,
      description:
        "The old data folder; nothing in it is touched. Without it, Jan's are looked for, and nothing is taken unasked",
    },
    yes: { type: "boolean", default: false, description: "Take in what is found, without a question" },
    json: {
      type: "boolean",
      default: false,
      description: "The report as JSON; one array of reports where folders are looked for",
    },
    ...DATA_ARGS,
  },
  async run({ args: { folder, yes, json, ...settings } }) {
    if (folder === undefined) return importFound(settings, { yes, json });
    await withApi(settings, { command: "import" }, async (api) => {
      const report = await importFolder(api, pathArgument(folder, "FOLDER"));
      await print(json ? JSON.stringify(report, null, 2) : formatReport(report));
    });
  },
});

async function importFolder(api: Api, folder: string, dry_run = false): Promise<Report> {
  const answer = await api.request("/v1/import", { method: "POST", body: { folder, dry_run } });
  const reports: Report[] = [];
  for await (const report of readEvents<Report>(answer)) reports.push(report);
  return reports[0]!;
}

interface FolderReport extends Report {
  folder: string;
}

/** The folders of Jan on this machine: shown first and taken where somebody agrees, or at once where `yes` says so. */
async function importFound(settings: Record<string, unknown>, { yes, json }: { yes: boolean; json: boolean }): Promise<void> {
  const folders = await findJanFolders();
  if (folders.length === 0 && !json) return printNote(NOTHING);
  const reports = await importEach(settings, folders, !yes);
  if (json) return print(JSON.stringify(reports, null, 2));
  await print(reports.map(yes ? formatFolderReport : formatPreview).join("\n"));
  if (yes) return;
  if (reports.every(({ taken }) => taken.length === 0)) return printNote("Nothing of that is new.");
  if (!isAttended()) return printNote('Nothing was taken. "ingle import --yes" takes it in.');
  const twice = folders.length > 1 ? " What several have is taken once." : "";
  if (!(await isAgreed(`Take it in?${twice} Nothing is changed there.`))) return printNote("Nothing was taken.");
  const taken = await importEach(settings, folders, false);
  await print(taken.map(formatFolderReport).join("\n"));
}

async function importEach(settings: Record<string, unknown>, folders: string[], dry_run: boolean): Promise<FolderReport[]> {
  const reports: FolderReport[] = [];
  await withApi(settings, { command: "import", reads: dry_run }, async (api) => {
    for (const folder of folders) reports.push({ folder, ...(await importFolder(api, folder, dry_run)) });
  });
  return reports;
}

const NOTHING =
  'No data folder of Jan was found. Jan shows its path in Settings, under "Data Folder": name it, as in "ingle import ~/jan".';

/** Absolute paths without links, each once. What is there and may not be read is said. */
async function findJanFolders(): Promise<string[]> {
  const places = await janDataFolders(await programPlaces());
  const there = await Promise.all(places.map((place) => realpath(place).catch(() => undefined)));
  const found: string[] = [];
  for (const folder of new Set(there.filter((path) => path !== undefined))) {
    const layout = await recogniseLayout(folder).catch((error) => {
      if (!(error instanceof ImportError)) throw error;
      printNote(lineForScreen(error.message));
    });
    if (layout?.from === "jan") found.push(folder);
  }
  return found;
}

function formatPreview({ folder, taken, skipped }: FolderReport): string {
  const left = skipped.length === 0 ? "" : `; not taken: ${skipped.length}, and the import says why`;
  return lineForScreen(`${folder}: ${formatCounts(taken)}${left}`);
}

const formatFolderReport = (report: FolderReport): string => `${lineForScreen(report.folder)}\n${formatReport(report)}`;

function formatReport({ from, taken, reduced, skipped }: Report): string {
  return [
    ...section("Not taken:", skipped),
    ...section("Taken, but not whole:", reduced),
    `${formatCounts(taken)} taken from the folder of ${from === "jan" ? "Jan" : "cortex"}, in which nothing was changed.`,
  ].join("\n");
}

function formatCounts(taken: ImportItem[]): string {
  const count = (kind: ImportItem["kind"]): string => counted(taken.filter((item) => item.kind === kind).length, kind);
  const messages = taken.reduce((sum, item) => sum + (item.messages ?? 0), 0);
  return [count("thread"), counted(messages, "message"), count("assistant"), count("model")].join(", ");
}

const counted = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? "" : "s"}`;

const MOST_PLACES = 5;

/** A line for each reason, with the places below it. */
function section(title: string, items: ReasonedItem[]): string[] {
  const groups = Object.entries(Object.groupBy(items, ({ reason }) => reason));
  const lines = groups.flatMap(([reason, same = []]) => [`  ${reason}`, ...formatPlaces(same).map((place) => `    ${place}`)]);
  return lines.length === 0 ? [] : [title, ...lines.map(lineForScreen), ""];
}

function formatPlaces(items: ImportItem[]): string[] {
  const first = items.slice(0, MOST_PLACES).map(({ path, line }) => (line === undefined ? path : `${path}, line ${line}`));
  const more = items.length - first.length;
  return more === 0 ? first : [...first, `and ${more} more: "--json" lists them`];
}
