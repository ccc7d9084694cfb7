// Tables that fit the terminal: columns are left out, then texts are cut. Elsewhere, as in a pipe, they are whole.
import { standardOutput } from "../server/standard-streams.ts";
import { columns } from "./columns.ts";

export interface TableColumn {
  title: string;
  /** Which columns are left out first where not all fit: 1 before 2. Absent: it stays. */
  leave?: number;
  /** It may be cut: down to this many cells before columns are left out, further where none is left to leave out. */
  least?: number;
}

/** `width`: of the terminal, in cells; `Infinity` where there is none. */
export function table(
  head: readonly TableColumn[],
  rows: readonly string[][],
  width = standardOutput.columns ?? Infinity,
): string {
  const all = [head.map(({ title }) => title), ...rows];
  const widest = head.map((_, at) => Math.max(...all.map((row) => widthOf(row[at]!))));
  const order = head.map((_, at) => at).filter((at) => head[at]!.leave !== undefined);
  order.sort((a, b) => head[a]!.leave! - head[b]!.leave!);
  const kept = new Set(head.keys());
  /** The width where each text that may be cut has at most so many cells. */
  const widthWith = (mostOf: (column: TableColumn) => number): number =>
    [...kept].reduce((sum, at) => sum + Math.min(widest[at]!, mostOf(head[at]!)) + GAP, -GAP);
  while (widthWith(leastOf) > width && order.length > 0) kept.delete(order.shift()!);
  let excess = widthWith(() => Infinity) - width;
  const fits = widthWith(leastOf) <= width;
  const most = head.map((column, at) => {
    const least = fits ? leastOf(column) : column.least && LEAST;
    if (!kept.has(at) || least === undefined || excess <= 0) return Infinity;
    const cells = Math.min(widest[at]!, Math.max(least, widest[at]! - excess));
    excess -= widest[at]! - cells;
    return cells;
  });
  return columns(all.map((row) => [...kept].map((at) => cut(row[at]!, most[at]!))));
}

/** Cells between two columns. */
const GAP = 2;

/** Cells of a text that is cut where nothing else helps. */
const LEAST = 4;

const leastOf = ({ least = Infinity }: TableColumn): number => least;

/** What terminals show two cells wide. */
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;

const cellsOf = (character: string): number => (WIDE.test(character) ? 2 : 1);

const widthOf = (text: string): number => [...text].reduce((sum, character) => sum + cellsOf(character), 0);

function cut(text: string, most: number): string {
  if (widthOf(text) <= most) return text;
  let [kept, width] = ["", 1];
  for (const character of text) {
    width += cellsOf(character);
    if (width > most) break;
    kept += character;
  }
  return `${kept.trimEnd()}…`;
}
