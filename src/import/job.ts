// The state that all parts of one import use.
import type { Store } from "../storage/store.ts";
import type { FolderLayout } from "./layout.ts";
import { IS_LINK, UnreadableError } from "./old-folder.ts";
import type { ImportItem, ReportBuilder } from "./report.ts";

/** What an import reads and writes of a store. */
export type ImportStore = Pick<Store, "assistants" | "conversations" | "messages" | "models" | "threads">;

export interface ImportJob extends FolderLayout {
  store: ImportStore;
  report: ReportBuilder;
  /** Milliseconds since 1970, the same for all of it. */
  now: number;
  /** The new ids of assistants by their old ones. */
  assistant_ids: Map<string, string>;
}

/** Answers what `work` does; where it meets what cannot be read, the item is reported as skipped. */
export async function skipUnreadable<T>({ report }: ImportJob, item: ImportItem, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    report.skipped(item, error.message);
    return undefined;
  }
}

/** The names of the folders in one of the old folders. Links in it are reported as skipped. */
export async function listFolders(job: ImportJob, path: string, kind: ImportItem["kind"]): Promise<string[]> {
  const entries = (await skipUnreadable(job, { kind, old_id: null, path }, () => job.folder.list(path))) ?? [];
  for (const { name } of entries.filter((entry) => entry.kind === "other")) {
    job.report.skipped({ kind, old_id: name, path: `${path}/${name}` }, IS_LINK);
  }
  return entries.filter((entry) => entry.kind === "folder").map(({ name }) => name);
}
