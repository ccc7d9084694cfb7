// The matrix: every operation on every runtime, with every fault at every call, or at some of them.
import { runtimes, type Runtime } from "../support/runtimes.ts";
import { table } from "../support/table.ts";
import { FAULTS, openField, type Fault, type Outcome, type Target } from "./field.ts";
import { OPERATIONS, type Operation } from "./operations.ts";

export interface Counts {
  runs: number;
  acknowledged: number;
  refused: number;
  killed: number;
  "not reached": number;
  violations: number;
}

export interface Matrix {
  /** By runtime and fault. */
  rows: Record<string, Counts>;
  violations: string[];
}

export interface Extent {
  /** One of so many calls is made to fail, and one of so many is the last: with 1 all of them, each as often as it is made. */
  failures: number;
  kills: number;
}

export const FULL: Extent = { failures: 1, kills: 1 };

export async function runMatrix(extent: Extent, { name, command }: Runtime): Promise<Matrix> {
  const matrix: Matrix = { rows: {}, violations: [] };
  for (const operation of OPERATIONS) await runOperation(matrix, extent, { name, command }, operation);
  return matrix;
}

async function runOperation({ rows, violations }: Matrix, extent: Extent, runtime: Runtime, operation: Operation): Promise<void> {
  const field = await openField(runtime, operation);
  const note = (fault: Fault, where: string, { result, violations: found }: Outcome): void => {
    const row = (rows[`${runtime.name} ${fault}`] ??= {
      runs: 0,
      acknowledged: 0,
      refused: 0,
      killed: 0,
      "not reached": 0,
      violations: 0,
    });
    row.runs++;
    row[result]++;
    row.violations += found.length;
    violations.push(...found.map((words) => `${runtime.name}: ${operation.name}: ${fault} at ${where}: ${words}`));
  };
  const targets = await field.targets();
  for (const [at, fault] of FAULTS.entries()) {
    for (const [target, k] of chosen(targets, fault === "KILL" ? extent.kills : extent.failures, at)) {
      note(fault, `${target.name} ${target.path} #${k}`, await field.strike(target, fault, k));
    }
  }
  for (const words of await field.close()) violations.push(`${runtime.name}: ${operation.name}: after a restart: ${words}`);
}

function chosen(targets: Target[], every: number, at: number): [Target, number][] {
  if (every > 1) return targets.filter((_, i) => i % every === at % every).map((target) => [target, 1]);
  return targets.flatMap((target) => Array.from({ length: target.times }, (_, i): [Target, number] => [target, i + 1]));
}

/** For people: counts by runtime and fault. */
export function shownMatrix(rows: Matrix["rows"]): string {
  const cells = Object.entries(rows).map(([name, counts]) => [
    name,
    Object.fromEntries(Object.entries(counts).map(([column, count]) => [column, String(count)])),
  ]);
  return table("The write path", Object.fromEntries(cells) as Record<string, Record<string, string>>);
}

export const RUNTIMES = runtimes();
