// A table of a page that is made from the code, between two comments.
import { readFileSync } from "node:fs";

/** The page as it is, and as it has to be. */
export interface MadePage {
  path: string;
  now: string;
  current: string;
}

/** `begin` and `end`: the comments around the table, each with its line breaks. */
export function pageWithTable(path: string, begin: string, end: string, rows: string[][]): MadePage {
  const now = readFileSync(path, "utf8");
  const [from, to] = [now.indexOf(begin) + begin.length, now.indexOf(end)];
  return { path, now, current: now.slice(0, from) + markdownTable(rows) + now.slice(to) };
}

/** The first row is the head. */
function markdownTable([head, ...rows]: string[][]): string {
  const widths = head!.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]!.length)));
  const line = (row: string[], fill = " "): string => `| ${row.map((cell, i) => cell.padEnd(widths[i]!, fill)).join(" | ")} |\n`;
  return [
    line(head!),
    line(
      head!.map(() => ""),
      "-",
    ),
    ...rows.map((row) => line(row)),
  ].join("");
}
