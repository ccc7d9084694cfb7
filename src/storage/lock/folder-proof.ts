// How a command and the server that a lock names know each other. The command puts a secret into a file that its owner alone can read, and
// names the file after the secret's digest. The server that is told the digest answers with its key, sealed by the secret. So the command
// learns that the server has this very folder, not one that this was copied from, and that no other program has taken its port; the
// server gives its key to nobody but who made the file, whoever passed the request on. The file's name is no part of a copy, however
// that was made: links share the bytes and the times of a file, never the folder.
import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";
import { open, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { isDiskFull } from "../../../models/system-code.ts";
import { disk } from "../drivers/fs-durable/file-system.ts";
import { DamagedError, undefinedIfAbsent } from "../faults.ts";
import { LOCK_FILE } from "../file-names.ts";

/** What stands behind the name of the lock in the name of a mark. */
export const PROOF = /^\.([\da-f]{64}|spare)\.proof$/;
const markName = (digest: string): string => `${LOCK_FILE}.${digest}.proof`;
/** A disk may have room for no further file. Then this one gets the secret and the name, which takes none. */
const SPARE = markName("spare");

/** Characters of a secret in hex. */
const SECRET_LENGTH = 64;
const ANSWER_MS = 10_000;
/** Bytes of an answer that says all there is to say. */
const MOST_ANSWER = 2 ** 14;

export type SealKey = ReturnType<typeof createFolderProof>;

/**
 * The server's half: its key, sealed by the secret with this digest, 64 characters of hex; undefined where `folder` has no such secret,
 * or is another one by now. Throws what the disk throws.
 */
export function createFolderProof(folder: string, key: string, isThere = () => true) {
  return async (digest: string): Promise<string | undefined> => {
    if (!isThere()) return undefined;
    const bytes = await disk.read(join(folder, markName(digest)), SECRET_LENGTH).catch((error) => {
      // A link, a pipe and the like are no secret of a command.
      if (!(error instanceof DamagedError)) return undefinedIfAbsent(error);
    });
    const secret = Buffer.from(bytes ?? []).toString("latin1");
    return digestOf(secret) === digest ? seal(secret, key) : undefined;
  };
}

/** Makes the spare file, for the time that a server holds the folder. Where the disk has no room for it, commands will be refused. */
export async function makeSpare(folder: string): Promise<void> {
  await createFile(join(folder, SPARE), "0".repeat(SECRET_LENGTH)).catch(() => {});
}

export async function removeSpare(folder: string): Promise<void> {
  await rm(join(folder, SPARE), { force: true }).catch(() => {});
}

const Answer = v.union([
  v.object({ sealed_key: v.string() }),
  v.object({ error: v.object({ code: v.literal("folder_not_held") }) }),
]);

/**
 * The key of the server that a lock in `folder` names; undefined where that server holds another folder. Throws the system's error
 * where the folder cannot be marked, and a sentence where the server does not say which it holds.
 */
export async function requestOperatorKey(url: string, folder: string): Promise<string | undefined> {
  const secret = randomBytes(SECRET_LENGTH / 2).toString("hex");
  const unmark = await markFolder(folder, secret);
  try {
    const answer = await post(`${url}/v1/data-folder/key`, { digest: digestOf(secret) });
    return "sealed_key" in answer ? unseal(secret, answer.sealed_key) : undefined;
  } finally {
    await unmark().catch(() => {}); // The next holder sweeps what is left.
  }
}

/** Throws a sentence for an answer of another form. */
async function post(url: string, body: object): Promise<v.InferOutput<typeof Answer>> {
  // Commands ask, servers hardly ever: on Bun they are spared node:http, which takes a megabyte.
  const { requestDirectly } = await import("../../support/direct-request.ts");
  const headers = { "content-type": "application/json", host: new URL(url).host };
  const signal = AbortSignal.timeout(ANSWER_MS);
  const request = new Request(url, { method: "POST", headers, body: JSON.stringify(body), signal });
  const { status, text } = await requestDirectly(request)
    .then(async (response) => ({ status: response.status, text: await readText(response) }))
    .catch((cause: Error) => {
      throw new Error(`It does not answer: ${cause.message}`, { cause });
    });
  const answer = v.safeParse(v.pipe(v.string(), v.parseJson(), Answer), text);
  if (answer.success) return answer.output;
  throw new Error(`It does not say whether it holds this folder (HTTP ${status}). Stop it and start it again.`);
}

/** What answers may be any program, which says as much as it likes. */
async function readText({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.length;
    if (bytes > MOST_ANSWER) break;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

const digestOf = (secret: string): string => createHash("sha256").update(secret).digest("hex");

const IV_BYTES = 12;
const TAG_BYTES = 16;

function seal(secret: string, text: string): string {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv("aes-256-gcm", Buffer.from(secret, "hex"), iv);
  return Buffer.concat([iv, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]).toString("base64url");
}

/** Throws a sentence for what was not sealed by this secret. */
function unseal(secret: string, sealed: string): string {
  const bytes = Buffer.from(sealed, "base64url");
  try {
    const [iv, text, tag] = [bytes.subarray(0, IV_BYTES), bytes.subarray(IV_BYTES, -TAG_BYTES), bytes.subarray(-TAG_BYTES)];
    const decipher = createDecipheriv("aes-256-gcm", Buffer.from(secret, "hex"), iv, { authTagLength: TAG_BYTES });
    decipher.setAuthTag(tag);
    return Buffer.concat([decipher.update(text), decipher.final()]).toString();
  } catch (cause) {
    throw new Error("What answers there is another program: it does not see this folder.", { cause });
  }
}

/** Resolves with what takes the mark away again. */
async function markFolder(folder: string, secret: string): Promise<() => Promise<void>> {
  const path = join(folder, markName(digestOf(secret)));
  try {
    await createFile(path, secret);
    return () => rm(path, { force: true });
  } catch (error) {
    if (!isDiskFull(error)) throw error;
    // "ingle rm" is the remedy for a full disk.
    return await useSpare(join(folder, SPARE), path, secret).catch(() => Promise.reject(error));
  }
}

async function useSpare(spare: string, path: string, secret: string): Promise<() => Promise<void>> {
  await rename(spare, path);
  const unmark = () => rename(path, spare);
  try {
    await writeFile(path, secret, { flag: "r+" });
    return unmark;
  } catch (error) {
    await unmark();
    throw error;
  }
}

/** Leaves nothing behind where it fails. */
async function createFile(path: string, text: string): Promise<void> {
  const handle = await open(path, "wx", 0o600);
  try {
    await handle.writeFile(text);
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
}
