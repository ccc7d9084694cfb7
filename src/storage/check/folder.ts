// A data folder that is looked through: what lies where, and what is found amiss there.
import { join } from "node:path";
import { codeOf } from "../faults.ts";
import { disk, type Entry } from "../drivers/fs-durable/file-system.ts";
import { SUFFIX } from "../drivers/fs-durable.ts";

export interface Finding {
  /** `damaged`: not what it should be. `foreign`: not ingle's. `orphaned`: nothing leads to it. */
  kind: "damaged" | "foreign" | "orphaned";
  /** Below the data folder, with `/`. */
  path: string;
  reason: string;
  /** False where moving it would not help: `reason` says what does. */
  can_be_set_aside: boolean;
}

export interface CheckOptions {
  /** A server works in it: what is a moment old may be half of something that goes on. */
  in_use: boolean;
  now?: () => number;
}

/** Paths are below the data folder, with `/`. */
export interface CheckedFolder {
  readonly in_use: boolean;
  readonly findings: Finding[];
  /** Folders of ours that are something else: links are not followed, and what would be in them is not known. */
  readonly amiss: Set<string>;
  /** Where it is on the disk. */
  place(path: string): string;
  found(kind: Finding["kind"], path: string, reason: string, can_be_set_aside?: boolean): void;
  /** By name; none where no folder is. Throws what the disk throws when it cannot be read. */
  entries(path: string): Promise<Entry[]>;
  isThere(path: string): Promise<boolean>;
  /** A server may be at it. */
  mayGoOn(path: string): Promise<boolean>;
  /** It belongs to a model, by the name of its folder, that is neither here nor to be fetched. */
  isOfNoModel(name: string): Promise<boolean>;
}

/** What disks bring along, and the locks of older versions. */
export const IGNORED = /^lost\+found$|^\..*\.lock$/;
const A_MOMENT_MS = 60_000;

export function checkedFolder(folder: string, { in_use, now = Date.now }: CheckOptions): CheckedFolder {
  const findings: Finding[] = [];
  const amiss = new Set<string>();
  const place = (path: string): string => join(folder, path);
  const isThere = async (path: string): Promise<boolean> => (await disk.kind(place(path))) !== undefined;

  return {
    in_use,
    findings,
    amiss,
    place,
    isThere,
    found(kind, path, reason, can_be_set_aside = true) {
      // What no text can name cannot be moved by its name.
      if (path.includes("\ufffd")) findings.push({ kind, path, reason: `${reason} Move it by hand.`, can_be_set_aside: false });
      else findings.push({ kind, path, reason, can_be_set_aside });
    },
    async entries(path) {
      if (amiss.has(path)) return [];
      try {
        return (await disk.list(place(path))).sort((a, b) => (a.name < b.name ? -1 : 1));
      } catch (error) {
        if (path !== "" && ["ENOENT", "ENOTDIR"].includes(codeOf(error))) return [];
        throw error;
      }
    },
    async mayGoOn(path) {
      return in_use && now() - (await disk.changed(place(path)).catch(() => 0)) < A_MOMENT_MS;
    },
    async isOfNoModel(name) {
      if (in_use || amiss.has("models")) return false;
      return !(await isThere(`models/${name}${SUFFIX}`)) && !(await isThere(`downloads/${name}${SUFFIX}`));
    },
  };
}
