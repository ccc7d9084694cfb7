// What a data folder may look like after a fault, and what a client may have been told.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { checkFolder } from "../../src/storage/check/check.ts";
import type { Records } from "./operations.ts";
import type { Answer } from "./worker.ts";

/** Everything that the records' folders hold, read without any code of the store; a file that is not JSON is its text. */
export function recordsIn(folder: string): Records {
  const paths = readdirSync(folder, { recursive: true }).map(String);
  const files = paths.filter((path) => /^(threads|messages|assistants)\b.*\.json$/.test(path));
  return Object.fromEntries(files.map((path) => [path, parsed(readFileSync(join(folder, path), "utf8"))]));
}

export const temporariesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true })
    .map(String)
    .filter((path) => path.endsWith(".tmp"));

/** Without the messages of threads that are not there: nobody can reach those. */
export function reachable(records: Records): Records {
  const there = ([path]: [string, unknown]): boolean => {
    const thread = /^messages\/(\w+)\//.exec(path)?.[1];
    return thread === undefined || `threads/${thread}.json` in records;
  };
  return Object.fromEntries(Object.entries(records).filter(there));
}

/** Whether it is the one or the other; undefined where it is neither. */
export function stateOf(records: Records, old: Records, changed: Records): "old" | "new" | undefined {
  const found = reachable(records);
  if (isDeepStrictEqual(found, reachable(changed))) return "new";
  return isDeepStrictEqual(found, reachable(old)) ? "old" : undefined;
}

/** What `ingle check` finds, but for the messages out of reach: those it has to name. */
export async function findingsIn(folder: string): Promise<string[]> {
  const { findings } = await checkFolder(folder, { in_use: false });
  const records = recordsIn(folder);
  const kept = reachable(records);
  const folders = Object.keys(records).flatMap((path) => (path in kept ? [] : [path.slice(0, path.lastIndexOf("/"))]));
  const orphans = new Set(folders);
  const named = findings.filter(({ kind, path }) => kind === "orphaned" && orphans.delete(path));
  const others = findings.filter((finding) => !named.includes(finding)).map(({ path, reason }) => `${path}: ${reason}`);
  return [...others, ...[...orphans].map((path) => `${path}: It is orphaned, and not found.`)];
}

const STATUS: Record<string, number> = { storage_error: 500, storage_unavailable: 503, insufficient_storage: 507 };

/** What is wrong with a refusal. `state` is what the disk has afterwards. */
export function badRefusal({ status, body }: Answer, state: "old" | "new"): string[] {
  const { message = "", code = "" } = (body as { error?: { message?: string; code?: string } }).error ?? {};
  const found: string[] = [];
  if (STATUS[code] !== status) found.push(`It was answered ${status} "${code}".`);
  if (!/^[A-Z].{20,}\.$/.test(message) || /\b(E[A-Z]{3,}|errno)\b|\/tmp\//.test(message))
    found.push(`"${message}" is not a sentence.`);
  if (state === "new" && message.includes("nothing was changed")) found.push(`"${message}" is not true.`);
  return found;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
