// One table for all that was measured: each line with what it is compared with, the ratio and the goal.

export interface Line {
  what: string;
  value: string;
  /** What it is compared with, and its value. */
  against?: string;
  ratio?: number;
  goal?: string;
  reached?: boolean;
}

export interface Bounds {
  goal: number;
  beyond?: number;
}

const HEADS = ["", "measured", "compared with", "ratio", "goal", ""];

/** More is better: at least `goal` times the other. */
export function atLeast(what: string, value: number, [name, other]: [string, number], unit: string, bounds?: Bounds): Line {
  const ratio = value / other;
  const line = { what, value: `${value.toFixed(1)} ${unit}`, against: `${name}: ${other.toFixed(1)}`, ratio };
  return bounds === undefined ? line : { ...line, goal: `≥ ${shown(bounds)} ×`, reached: ratio >= bounds.goal };
}

/** Less is better: at most `goal` times the other. */
export function atMostTimes(what: string, value: number, [name, other]: [string, number], unit: string, goal: number): Line {
  const ratio = value / other;
  const against = `${name}: ${other.toFixed(1)}`;
  return { what, value: `${value.toFixed(1)} ${unit}`, against, ratio, goal: `≤ ${goal} ×`, reached: ratio <= goal };
}

/** Less is better: at most `goal` in its own unit. */
export function atMost(what: string, value: number, unit: string, bounds: Bounds, against?: string): Line {
  const line = { what, value: `${value.toFixed(1)} ${unit}`, goal: `≤ ${shown(bounds)} ${unit}`, reached: value <= bounds.goal };
  return against === undefined ? line : { ...line, against };
}

const shown = ({ goal, beyond }: Bounds): string => (beyond === undefined ? `${goal}` : `${goal} (${beyond})`);

export function print(title: string, lines: Line[]): void {
  const rows = [HEADS, ...lines.map(cells)];
  const widths = HEADS.map((_, at) => Math.max(...rows.map((row) => row[at]!.length)));
  const text = rows.map((row) => `| ${row.map((cell, at) => cell.padEnd(widths[at]!)).join(" | ")} |`);
  text.splice(1, 0, `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`);
  console.log(`\n${title}\n\n${text.join("\n")}`);
}

function cells({ what, value, against = "", ratio, goal = "", reached }: Line): string[] {
  const verdict = reached === undefined ? "" : reached ? "yes" : "no";
  return [what, value, against, ratio === undefined ? "" : `${ratio.toFixed(3)} ×`, goal, verdict];
}

export function percentile(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}

export const median = (values: number[]): number => percentile(values, 0.5);

/** Each round begins with another one. */
export const inTurn = <T>(all: T[], round: number): T[] => all.map((_, at) => all[(at + round) % all.length]!);
