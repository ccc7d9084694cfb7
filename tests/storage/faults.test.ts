// Some of the matrix of `npm run test:faults`, on every runtime: a call of the write path fails, or is the last one of its process.
import { afterAll, expect, test } from "bun:test";
import { runMatrix, RUNTIMES, shownMatrix, type Extent, type Matrix } from "../faults/runs.ts";
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
}
