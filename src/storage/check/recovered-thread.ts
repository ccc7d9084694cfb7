// The record that a thread gets in place of a damaged one: what its id tells, and nothing that is not known.
import { basename } from "node:path";
import { timeOf } from "../../support/ids.ts";
import { BUILT_IN, type Thread } from "../entities.ts";
import { SUFFIX } from "../drivers/fs-durable.ts";
import { KINDS } from "../store.ts";
import type { FolderFinding } from "./folder.ts";

/** What a new record has behind its name until the damaged one is out of the way. */
export const REPLACEMENT = ".recovered";

export function isThreadRecord({ kind, path }: FolderFinding): boolean {
  const [base, name = "", ...further] = path.split("/");
  return kind === "damaged" && base === "threads" && further.length === 0 && threadIdOf(name) !== undefined;
}

/** The id that a file below `threads/` is the record of. */
export function threadIdOf(name: string): string | undefined {
  return name.endsWith(SUFFIX) ? KINDS.threads.toId(name.slice(0, -SUFFIX.length)) : undefined;
}

/** `path` is that of its record. */
export function recoveredThread(path: string): Thread {
  const id = threadIdOf(basename(path))!;
  const created_at = Math.floor(timeOf(id) / 1000);
  return { id, object: "thread", title: "", created_at, assistants: [{ assistant_id: BUILT_IN }], metadata: { recovered: true } };
}
