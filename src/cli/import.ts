import { defineCommand } from "citty";
import type { ImportItem, ReasonedItem, Report } from "../import/report.ts";
import { readEvents, withApi } from "./api.ts";
import { DATA_ARGS } from "./setting-args.ts";
import { pathArgument } from "./path-argument.ts";
import { print } from "./print.ts";
import { lineForScreen } from "./screen-text.ts";

export default defineCommand({
  args: {
    folder: { type: "positional", required: true, description: "The old data folder; nothing in it is touched" },
    json: { type: "boolean", default: false, description: "The report as JSON" },
    ...DATA_ARGS,
  },
  run: ({ args: { folder, json, ...settings } }) =>
    withApi(settings, { command: "import" }, async (api) => {
      const answer = await api.request("/v1/import", { method: "POST", body: { folder: pathArgument(folder, "FOLDER") } });
      for await (const report of readEvents<Report>(answer)) print(json ? JSON.stringify(report, null, 2) : formatReport(report));
    }),
});

function formatReport({ from, taken, reduced, skipped }: Report): string {
  const count = (kind: ImportItem["kind"]): string => counted(taken.filter((item) => item.kind === kind).length, kind);
  const messages = taken.reduce((sum, item) => sum + (item.messages ?? 0), 0);
  const total = [count("thread"), counted(messages, "message"), count("assistant"), count("model")];
  return [
    ...section("Not taken:", skipped),
    ...section("Taken, but not whole:", reduced),
    `${total.join(", ")} taken from the folder of ${from === "jan" ? "Jan" : "cortex"}, in which nothing was changed.`,
  ].join("\n");
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
