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
  const rows = SETTING_NAMES.map((name) => [
    `\`--${flagOf(name)}\``,
    `\`${variableOf(name)}\``,
    defaultOf(name) ?? "",
    SETTINGS[name].description,
  ]);
  const cells = [["Option", "Variable", "Default", ""], ["---", "---", "---", "---"], ...rows];
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  const line = (row: string[]): string =>
    `| ${row.map((cell, i) => (cell === "---" ? "-".repeat(widths[i]!) : cell.padEnd(widths[i]!))).join(" | ")} |\n`;
  return cells.map(line).join("");
}

if (import.meta.main) writeFileSync(PAGE, configurationPage().current);
