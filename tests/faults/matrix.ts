// `npm run test:faults`: all of the matrix; with names of runtimes, on those alone. Its exit code is 1 where anything is violated.
import { FULL, runMatrix, RUNTIMES, shownMatrix, type Matrix } from "./runs.ts";
import type { Runtime } from "../support/runtimes.ts";
import { runSameSizeDamage } from "./same-size.ts";
import { runSituations } from "./situations.ts";
import { NO_STRACE } from "./strace.ts";

const SITUATION_ROUNDS = 20;

const wanted = process.argv.slice(2);
const all: Matrix = { rows: {}, violations: [] };
if (NO_STRACE !== undefined) console.error(`Nothing was run: ${NO_STRACE}.`);
else {
  for (const runtime of RUNTIMES.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
    if (runtime.skip !== undefined) {
      console.error(`Left out: ${runtime.skip}.`);
      continue;
    }
    for (const run of [runSituations, runSameSizeDamage, (_: number, one: Runtime) => runMatrix(FULL, one)]) {
      const { rows, violations } = await run(SITUATION_ROUNDS, runtime);
      console.log(shownMatrix(rows));
      Object.assign(all.rows, rows);
      all.violations.push(...violations);
    }
  }
}
for (const words of all.violations) console.error(words);
console.log(`${Object.values(all.rows).reduce((sum, { runs }) => sum + runs, 0)} runs, ${all.violations.length} violations`);
process.exit(Object.keys(all.rows).length > 0 && all.violations.length === 0 ? 0 : 1);
