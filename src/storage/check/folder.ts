// A data folder as `ingle check` walks it: its entries, and the findings so far.
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { systemCodeOf } from "../../../models/system-code.ts";
import { disk, type FolderEntry } from "../drivers/fs-durable/file-system.ts";
import { kindOf, type EntryKind } from "../drivers/fs-durable/record-writes.ts";
import { SUFFIX } from "../drivers/fs-durable.ts";
import { undefinedIfAbsent } from "../faults.ts";
import { SET_ASIDE } from "../file-names.ts";

export interface FolderFinding {
  /** `damaged`: not what it should be. `foreign`: not ingle's. `orphaned`: nothing leads to it. */
  kind: "damaged" | "foreign" | "orphaned";
  /** Below the data folder, with `/`. */
  path: string;
  reason: string;
  /** False where moving it would not help: `reason` says what does. */
  can_be_set_aside: boolean;
}

export interface FolderCheckOptions {
  /** A server works in it: what is a moment old may be half of something that goes on. */
  in_use: boolean;
  /** All weights are hashed; called before each file. Absent: what was noted of them is believed. */
  onHash?: ((model: string, file: string) => void) | undefined;
  now?: () => number;
}

/** What disks bring along, and the locks of older versions. */
export const IGNORED = /^lost\+found$|^\..*\.lock$/;
const A_MOMENT_MS = 60_000;

export type CheckedFolder = ReturnType<typeof createCheckedFolder>;

/** Paths are below the data folder, with `/`. */
export function createCheckedFolder(folder: string, { in_use, onHash, now = Date.now }: FolderCheckOptions) {
  const findings: FolderFinding[] = [];
  /** Names of our folders at which something else stands: links are not followed, so what would be in them is not known. */
  const misplaced = new Set<string>();
  /** Where it is on the disk. */
  const place = (path: string): string => join(folder, path);
  const isThere = async (path: string): Promise<boolean> => (await disk.kind(place(path))) !== undefined;
  /** By name; none where no folder is. Throws what the disk throws when it cannot be read. */
  const entries = async (path: string): Promise<FolderEntry[]> => {
    if (misplaced.has(path)) return [];
    try {
      return (await disk.list(place(path))).sort((a, b) => (a.name < b.name ? -1 : 1));
    } catch (error) {
      if (path !== "" && ["ENOENT", "ENOTDIR"].includes(systemCodeOf(error))) return [];
      throw error;
    }
  };
  const wasSetAside = async (path: string): Promise<boolean> => {
    for (const { name } of await entries(SET_ASIDE)) if (await isThere(`${SET_ASIDE}/${name}/${path}`)) return true;
    return false;
  };

  return {
    in_use,
    onHash,
    findings,
    misplaced,
    place,
    isThere,
    entries,
    /** What a link leads to; of anything else its own kind. */
    async targetKind(path: string): Promise<EntryKind | "nothing"> {
      return stat(place(path))
        .then(kindOf, undefinedIfAbsent)
        .then((kind) => kind ?? "nothing");
    },
    report(kind: FolderFinding["kind"], path: string, reason: string, can_be_set_aside = true): void {
      // A name that is not text cannot be moved by that name.
      if (path.includes("\ufffd")) findings.push({ kind, path, reason: `${reason} Move it by hand.`, can_be_set_aside: false });
      else findings.push({ kind, path, reason, can_be_set_aside });
    },
    /** Whether a server may be at work on it. */
    async mayBeInUse(path: string): Promise<boolean> {
      return in_use && now() - (await disk.modifiedAt(place(path)).catch(() => 0)) < A_MOMENT_MS;
    },
    /**
     * Whether the model that the name of a folder stands for is neither here nor pending. One whose damaged record was set aside is
     * not gone: its files are good, and its owner decides about them.
     */
    async isOfMissingModel(name: string): Promise<boolean> {
      if (in_use || misplaced.has("models")) return false;
      for (const path of [`models/${name}${SUFFIX}`, `downloads/${name}${SUFFIX}`]) {
        if ((await isThere(path)) || (await wasSetAside(path))) return false;
      }
      return true;
    },
  };
}
