// A driver that answers only for the storage that was opened: where that is away, nothing is absent, no list is empty, and no change counts.
import type { Driver } from "unstorage";
import { ApiError } from "../../http/errors.ts";
import { systemCodeOf } from "../../../models/system-code.ts";
import { unavailable, UncertainWriteError } from "../faults.ts";
import type { Presence } from "../presence.ts";

const NOT_KNOWN = "The storage cannot be reached any more: whether anything was changed is not known.";

const READS = ["hasItem", "getItem", "getItemRaw", "getKeys"] as const;
const CHANGES = ["setItem", "setItemRaw", "removeItem", "clear"] as const;

type Work = (...args: unknown[]) => unknown;

/** The same driver, whose methods throw 503 `storage_unavailable` too. */
export function presentOnly<D extends Driver>(driver: D, { ensure, confirm }: Pick<Presence, "ensure" | "confirm">): D {
  /** What is found needs no second look, so that a read is as fast as ever. */
  const reading =
    (work: Work): Work =>
    async (...args) => {
      await ensure();
      const found = await attempt(work, args, confirm);
      if (isAbsent(found)) await confirm();
      return found;
    };
  const changing =
    (work: Work): Work =>
    async (...args) => {
      await confirm();
      const result = await attempt(work, args, () => confirm(NOT_KNOWN)).catch(throwBrieflyAway);
      await confirm(NOT_KNOWN).catch(throwUncertain);
      return result;
    };
  const methods = (names: readonly (keyof Driver)[], around: (work: Work) => Work) =>
    Object.fromEntries(
      names.flatMap((name) => {
        const method = driver[name] as Work | undefined;
        return method === undefined ? [] : [[name, around(method.bind(driver))]];
      }),
    );
  return { ...driver, ...methods(READS, reading), ...methods(CHANGES, changing) };
}

/** Where the storage is away, that is what is wrong, whatever else failed by it. */
async function attempt(work: Work, args: unknown[], confirm: () => Promise<void>): Promise<unknown> {
  try {
    return await work(...args);
  } catch (error) {
    await confirm();
    throw error;
  }
}

/** A folder that went amid a change may be back by the next look. */
function throwBrieflyAway(error: unknown): never {
  throw systemCodeOf(error) === "ENOENT" ? unavailable(NOT_KNOWN, error) : error;
}

/** What was changed may be elsewhere, where nobody can see whether the folder is there. */
function throwUncertain(error: unknown): never {
  throw error instanceof ApiError ? error : new UncertainWriteError(NOT_KNOWN, { cause: error });
}

function isAbsent(found: unknown): boolean {
  return found === null || found === undefined || found === false || (Array.isArray(found) && found.length === 0);
}
