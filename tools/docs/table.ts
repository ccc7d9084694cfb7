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

/** Throws where the page lacks one of the comments. */
export function pageWith(path: string, ...parts: MadePart[]): MadePage {
  const now = readFileSync(path, "utf8");
  const placeOf = (page: string, comment: string, from = 0): number => {
    const place = page.indexOf(comment, from);
    if (place === -1) throw new Error(`${path} has no ${JSON.stringify(comment.trim())}.`);
    return place;
  };
  const current = parts.reduce((page, { begin, end, text }) => {
    const from = placeOf(page, begin) + begin.length;
    return page.slice(0, from) + text + page.slice(placeOf(page, end, from));
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
