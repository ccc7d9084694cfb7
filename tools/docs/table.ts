// What is made from the code within a page, between two comments.
import { readFileSync } from "node:fs";

/** The page as it is, and as it has to be. */
export interface MadePage {
  path: string;
  now: string;
  current: string;
}

/** `begin` and `end`: the comments around the text, each with its line breaks. */
export function pageWith(path: string, begin: string, end: string, text: string): MadePage {
  const now = readFileSync(path, "utf8");
  const [from, to] = [now.indexOf(begin) + begin.length, now.indexOf(end)];
  return { path, now, current: now.slice(0, from) + text + now.slice(to) };
}

export function pageWithTable(path: string, begin: string, end: string, rows: string[][]): MadePage {
  return pageWith(path, begin, end, markdownTable(rows));
}

/** The first row is the head. */
export function markdownTable([head, ...rows]: string[][]): string {
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
