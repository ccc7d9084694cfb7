// Some of the matrix of `npm run test:faults`, on every runtime: a call of the write path fails, or is the last one of its process.
import { afterAll, expect, test } from "bun:test";
import { runMatrix, RUNTIMES, shownMatrix, type Extent, type Matrix } from "../faults/runs.ts";
import { openField } from "../faults/field.ts";
import { OPERATIONS } from "../faults/operations.ts";
import { runSameSizeDamage } from "../faults/same-size.ts";
import { runSituations } from "../faults/situations.ts";
import { NO_STRACE } from "../faults/strace.ts";

const SLOW = 300_000;
const SMALL: Extent = { failures: 9, kills: 7 };

const rows: Matrix["rows"] = {};
afterAll(() => console.log(shownMatrix(rows)));

for (const runtime of RUNTIMES) {
  const skip = runtime.skip ?? NO_STRACE;
  const name =
    skip ?? `on ${runtime.name}: what is acknowledged is there, all else is whole or absent, and refused in a sentence`;
  test.skipIf(skip !== undefined)(
    name,
    async () => {
      const { rows: own, violations } = await runMatrix(SMALL, runtime);
      Object.assign(rows, own);
      expect(violations).toEqual([]);
      // Else nothing was made to fail.
      for (const [fault, { refused, killed }] of Object.entries(own))
        expect([fault, refused + killed > 5]).toEqual([fault, true]);
    },
    SLOW,
  );

  test.skipIf(runtime.skip !== undefined)(
    runtime.skip ??
      `on ${runtime.name}: a failing log, a data folder that is taken away and damage of the same size cost nothing that was acknowledged`,
    async () => {
      const [befallen, damaged] = [await runSituations(2, runtime), await runSameSizeDamage(1, runtime)];
      const own = { ...befallen.rows, ...damaged.rows };
      const violations = [...befallen.violations, ...damaged.violations];
      Object.assign(rows, own);
      expect(violations).toEqual([]);
      for (const [situation, { acknowledged }] of Object.entries(own))
        expect([situation, acknowledged > 0]).toEqual([situation, true]);
    },
    SLOW,
  );

  test.skipIf(skip !== undefined)(
    skip ?? `on ${runtime.name}: a full disk and a used-up quota are 507 at every call that writes a record`,
    async () => {
      const field = await openField(
        runtime,
        OPERATIONS.find(({ name }) => name === "change a thread")!,
      );
      const targets = (await field.targets()).filter(({ path, name }) => path.endsWith(".tmp") && name !== "close");
      const calls = targets.map(({ name }) => name);
      expect(["fsync", "rename"].filter((call) => !calls.includes(call))).toEqual([]);
      for (const target of targets) {
        for (const fault of ["ENOSPC", "EDQUOT"] as const)
          expect([target.name, fault, await field.strike(target, fault, 1)]).toEqual([
            target.name,
            fault,
            { result: "refused", violations: [] },
          ]);
      }
      expect(await field.close()).toEqual([]);
    },
    SLOW,
  );
}
