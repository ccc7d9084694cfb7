// How a command knows that the server which a lock names holds this very folder, and not one that this was copied from: the server
// chooses a nonce, the command marks its folder with it, and the server hands out its key only where it finds the mark in its own.
import { createHash, randomBytes } from "node:crypto";
import { lstat, open, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { codeOf, FULL, undefinedIfAbsent } from "../faults.ts";
import { LOCK_FILE, MARKER } from "../file-names.ts";

/** The file of a mark, behind the name of the lock. */
export const PROOF = /^\.[\da-f]{64}\.proof$/;

const NONCE_MS = 30_000;
const MOST_PENDING = 16;
const ANSWER_MS = 10_000;

export type FolderProof = ReturnType<typeof createFolderProof>;

/** The server's half. `folder` is its data folder, `token` that of its lock. */
export function createFolderProof(folder: string, token: string, now: () => number = Date.now) {
  const deadlines = new Map<string, number>();
  return {
    /** A nonce, good for one try within 30 s; undefined for a token that is not that of this server's lock. */
    issueNonce(given: string): string | undefined {
      if (given !== token) return undefined;
      const nonce = randomBytes(32).toString("base64url");
      deadlines.set(nonce, now() + NONCE_MS);
      const [oldest] = deadlines.keys();
      if (deadlines.size > MOST_PENDING) deadlines.delete(oldest!);
      return nonce;
    },
    /** Uses a nonce up: `expired` where it is none, else whether the folder bears its mark. Throws what the disk throws. */
    async redeemNonce(nonce: string): Promise<"expired" | "marked" | "unmarked"> {
      const deadline = deadlines.get(nonce) ?? 0;
      deadlines.delete(nonce);
      if (now() >= deadline) return "expired";
      return (await isMarked(folder, nonce)) ? "marked" : "unmarked";
    },
  };
}

const NonceAnswer = v.object({ nonce: v.pipe(v.string(), v.regex(/^[\w-]{43}$/)) });
const KeyAnswer = v.object({ key: v.string() });
const NotHeldAnswer = v.object({ error: v.object({ code: v.literal("folder_not_held") }) });

/**
 * The key of the server that a lock in `folder` names; undefined where that server holds another folder. Throws the system's error
 * where the folder cannot be marked, and a sentence where the server does not say which it holds.
 */
export async function requestOperatorKey(url: string, token: string, folder: string): Promise<string | undefined> {
  const { nonce } = await post(`${url}/v1/data-folder/nonce`, { token }, NonceAnswer);
  const unmark = await markFolder(folder, nonce);
  try {
    const answer = await post(`${url}/v1/data-folder/key`, { nonce }, v.union([KeyAnswer, NotHeldAnswer]));
    return "key" in answer ? answer.key : undefined;
  } finally {
    await unmark().catch(() => {}); // The next holder sweeps what is left.
  }
}

/** Throws a sentence for an answer of another form. */
async function post<T>(url: string, body: object, schema: v.GenericSchema<unknown, T>): Promise<T> {
  const headers = { "content-type": "application/json" };
  const signal = AbortSignal.timeout(ANSWER_MS);
  const init = { method: "POST", headers, body: JSON.stringify(body), redirect: "error", signal } as const;
  const response = await fetch(url, init).catch((cause: Error) => {
    throw new Error(`It does not answer: ${cause.message}`, { cause });
  });
  const answer = v.safeParse(schema, await response.json().catch(() => undefined));
  if (answer.success) return answer.output;
  throw new Error(`It does not say whether it holds this folder (HTTP ${response.status}). Stop it and start it again.`);
}

/** The mark of a nonce. Its name is a hash: a process that sees the file cannot redeem the nonce, and no server can choose a path. */
function markOf(nonce: string): { name: string; atime: number; mtime: number } {
  const hash = createHash("sha256").update(nonce).digest();
  // Whole seconds between 2000 and 2034, which every file system can keep.
  const time = (at: number): number => 946_684_800 + (hash.readUInt32BE(at) >>> 2);
  return { name: `${LOCK_FILE}.${hash.toString("hex")}.proof`, atime: time(0), mtime: time(4) };
}

/** Resolves with what takes the mark away again. */
async function markFolder(folder: string, nonce: string): Promise<() => Promise<void>> {
  const { name, ...stamps } = markOf(nonce);
  const path = join(folder, name);
  try {
    await (await open(path, "wx", 0o600)).close();
    return () => rm(path, { force: true });
  } catch (error) {
    if (!FULL.has(codeOf(error))) throw error;
  }
  // On a full disk, where "ingle rm" is the remedy: the times of a file that is there take no room.
  const marker = join(folder, MARKER);
  const { atime, mtime } = await stat(marker);
  await utimes(marker, stamps.atime, stamps.mtime);
  return () => utimes(marker, atime, mtime);
}

async function isMarked(folder: string, nonce: string): Promise<boolean> {
  const { name, atime, mtime } = markOf(nonce);
  const file = await lstat(join(folder, name)).catch(undefinedIfAbsent);
  if (file?.isFile()) return true;
  const marker = await lstat(join(folder, MARKER)).catch(undefinedIfAbsent);
  return marker !== undefined && marker.atimeMs === atime * 1000 && marker.mtimeMs === mtime * 1000;
}
