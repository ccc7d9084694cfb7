// What a test file prints at its end, for people.

/** Rows by name, each with its cells by column; a missing cell is a dash. */
export function table(title: string, rows: Record<string, Record<string, string>>): string {
  const columns = [...new Set(Object.values(rows).flatMap((row) => Object.keys(row)))];
  const lines = [
    [title, ...columns],
    ...Object.entries(rows).map(([name, row]) => [name, ...columns.map((at) => row[at] ?? "-")]),
  ];
  const widths = lines[0]!.map((_, at) => Math.max(...lines.map((line) => line[at]!.length)));
  const show = (line: string[]) =>
    line.map((cell, at) => (at === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[at]! + 2))).join("");
  return `\n${lines.map(show).join("\n")}\n`;
}
