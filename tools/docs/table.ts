// What is made from the code within a page, between two comments.
import { readFileSync } from "node:fs";

/** The page as it is, and as it has to be. */
export interface MadePage {
  path: string;
  now: string;
  current: string;
}

/** A text between two comments, each with its line breaks. */
export interface MadePart {
  begin: string;
  end: string;
  text: string;
}

export function pageWith(path: string, ...parts: MadePart[]): MadePage {
  const now = readFileSync(path, "utf8");
  const current = parts.reduce((page, { begin, end, text }) => {
    const from = page.indexOf(begin) + begin.length;
    return page.slice(0, from) + text + page.slice(page.indexOf(end, from));
  }, now);
  return { path, now, current };
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
