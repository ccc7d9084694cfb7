// `npm run test:faults`: all of the matrix; with names of runtimes or engines, on those alone. Its exit code is 1 where anything is violated.
import { ANSWER_ENGINES } from "./answers/answer-server.ts";
import { runAnswers, skipOf, WHOLE_EXTENT } from "./answers/run.ts";
import { FULL, runMatrix, RUNTIMES, shownMatrix, type Matrix } from "./runs.ts";
import type { Runtime } from "../support/runtimes.ts";
import { runSameSizeDamage } from "./same-size.ts";
import { runSituations } from "./situations.ts";
import { NO_STRACE } from "./strace.ts";

const SITUATION_ROUNDS = 20;

const wanted = process.argv.slice(2);
const all: { rows: Matrix["rows"]; answers: number; violations: number } = { rows: {}, answers: 0, violations: 0 };
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
      for (const words of violations) console.error(words);
      all.violations += violations.length;
    }
  }
}
for (const engine of ANSWER_ENGINES.filter((name) => wanted.length === 0 || wanted.includes(name))) {
  const skip = await skipOf(engine);
  if (skip !== undefined) {
    console.error(`Left out: ${engine}: ${skip}`);
    continue;
  }
  for await (const { name, runs, violations } of runAnswers(engine, WHOLE_EXTENT)) {
    console.log(`${engine} | ${name} | ${runs} runs | ${violations.length} violations`);
    for (const words of violations) console.error(words);
    all.answers += runs;
    all.violations += violations.length;
  }
}
const count = Object.values(all.rows).reduce((sum, { runs }) => sum + runs, all.answers);
console.log(`${count} runs, ${all.violations} violations`);
process.exit(count > 0 && all.violations === 0 ? 0 : 1);
