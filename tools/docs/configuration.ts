// `npm run docs`: writes the table of docs/configuration.md from the settings.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { defaultOf, flagOf, SETTING_NAMES, SETTINGS, variableOf } from "../../src/server/settings.ts";

const PAGE = join(import.meta.dirname, "../../docs/configuration.md");
const BEGIN = "<!-- The table is made by `npm run docs` from src/server/settings.ts. -->\n\n";
const END = "\n<!-- End of the table. -->";

/** The page as it is, and as it has to be. */
export function configurationPage(): { now: string; current: string } {
  const now = readFileSync(PAGE, "utf8");
  const [begin, end] = [now.indexOf(BEGIN) + BEGIN.length, now.indexOf(END)];
  return { now, current: now.slice(0, begin) + settingsTable() + now.slice(end) };
}

function settingsTable(): string {
  const head = ["Option", "Variable", "Default", ""];
  const rows = SETTING_NAMES.map((name) => {
    return [`\`--${flagOf(name)}\``, `\`${variableOf(name)}\``, defaultOf(name) ?? "", SETTINGS[name].description];
  });
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]!.length)));
  const line = (row: string[], fill = " "): string => `| ${row.map((cell, i) => cell.padEnd(widths[i]!, fill)).join(" | ")} |\n`;
  return [line(head), line(["", "", "", ""], "-"), ...rows.map((row) => line(row))].join("");
}

if (import.meta.main) writeFileSync(PAGE, configurationPage().current);
