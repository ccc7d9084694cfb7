// The unfinished copy of a file: `<target>.part`, and `<target>.part.json` that says whose bytes it holds.
import { createHash, type Hash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, mkdir, open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import * as v from "valibot";
import type { ModelFile } from "./model.ts";
import { SourceError } from "./sources.ts";

/** A source's bytes can be continued while its address and its entity tag stay the same. */
const Origin = v.object({ url: v.string(), etag: v.string() });
type Origin = v.InferOutput<typeof Origin>;

/** Made by `openPart`. Every method but `close` may throw what the disk throws. */
export interface Part {
  /** Bytes written and hashed so far. */
  readonly bytes: number;
  /** Takes up the bytes that an earlier try left of this address; answers with their entity tag, or undefined if there are none. */
  resume(url: string): Promise<string | undefined>;
  /** Throws all bytes away. With an origin, the bytes to come can be resumed. */
  restart(origin?: Origin): Promise<void>;
  /** Appends. Throws `SourceError` at more bytes than declared and at a GGUF file that does not begin like one. */
  write(chunk: Uint8Array): Promise<void>;
  /** Checks size and sha256 and puts the file in its place, durably. Throws `SourceError` and removes the bytes when they are wrong. */
  finish(): Promise<void>;
  /** Leaves the bytes for a resume. Safe to call twice. */
  close(): Promise<void>;
}

const MAGIC = "GGUF";

/** Opens or creates the part of `target`, with its folder. */
export async function openPart(target: string, file: ModelFile): Promise<Part> {
  const path = `${target}.part`;
  const note = `${path}.json`;
  await mkdir(dirname(target), { recursive: true, mode: 0o700 });
  // A link in the part's place could point at any file of the user's.
  const flags = constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0);
  const handle = await open(path, flags, 0o600);
  let bytes = 0;
  let hash: Hash = createHash("sha256");
  let head = "";
  let closed = false;

  const take = (chunk: Uint8Array) => {
    hash.update(chunk);
    if (head.length < MAGIC.length) head += String.fromCharCode(...chunk.subarray(0, MAGIC.length - head.length));
    bytes += chunk.length;
  };
  const forget = () => {
    [bytes, hash, head] = [0, createHash("sha256"), ""];
  };

  const refuse = async (reason: string): Promise<never> => {
    await part.restart();
    throw new SourceError(reason);
  };

  const part: Part = {
    get bytes() {
      return bytes;
    },
    async resume(url) {
      const origin = await readOrigin(note);
      if (origin?.url !== url) return undefined;
      const { size } = await handle.stat();
      if (size === 0 || size > (file.size ?? Infinity)) return undefined;
      if (size !== bytes) {
        forget();
        for await (const chunk of chunks(handle, size)) take(chunk);
      }
      return origin.etag;
    },
    async restart(origin) {
      forget();
      await handle.truncate(0);
      if (origin) await writeFile(note, JSON.stringify(origin), { mode: 0o600 });
      else await rm(note, { force: true });
    },
    async write(chunk) {
      const start = bytes;
      take(chunk);
      if (bytes > (file.size ?? bytes)) await refuse(`It sent more than the ${file.size} bytes declared.`);
      if (file.name.endsWith(".gguf") && !MAGIC.startsWith(head)) await refuse(notGguf(head));
      await writeAll(handle, chunk, start);
    },
    async finish() {
      const wrong = mistake(file, bytes, hash.digest("hex"));
      if (wrong) await refuse(wrong);
      await handle.sync();
      await part.close();
      await rename(path, target);
      await rm(note, { force: true });
      await syncFolder(dirname(target));
    },
    async close() {
      if (closed) return;
      closed = true;
      const { size } = await handle.stat();
      await handle.close();
      if (size === 0) await Promise.all([rm(path, { force: true }), rm(note, { force: true })]);
    },
  };
  return part;
}

/** Makes the names in a folder survive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r").catch(windowsCannot);
  if (!handle) return;
  try {
    await handle.sync().catch(windowsCannot);
  } finally {
    // What was synced is on the disk, whatever becomes of the handle: nobody waits for that.
    handle.close().catch(() => {});
  }
}

function windowsCannot(error: NodeJS.ErrnoException): void {
  const windows = constants.O_NOFOLLOW === undefined;
  if (!windows || !["EPERM", "EACCES", "EISDIR"].includes(error.code ?? "")) throw error;
}

function mistake(file: ModelFile, bytes: number, sha256: string): string | undefined {
  if (bytes !== (file.size ?? bytes)) return `It sent ${bytes} bytes instead of ${file.size}.`;
  if (sha256 !== (file.sha256 ?? sha256)) return `Its file has the sha256 ${sha256} instead of ${file.sha256}.`;
  return undefined;
}

function notGguf(head: string): string {
  return head.startsWith("<") ? "It sent a web page instead of a model." : `It sent a file that does not begin with ${MAGIC}.`;
}

async function readOrigin(note: string): Promise<Origin | undefined> {
  try {
    return v.parse(Origin, JSON.parse(await readFile(note, "utf8")));
  } catch {
    return undefined; // absent, cut by a crash, or of another version: the part starts over
  }
}

async function* chunks(handle: FileHandle, size: number): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(1 << 20);
  for (let at = 0; at < size;) {
    const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, size - at), at);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
    at += bytesRead;
  }
}

// A write may take fewer bytes than it is given, on a disk that is nearly full.
async function writeAll(handle: FileHandle, chunk: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < chunk.length;) {
    done += (await handle.write(chunk, done, chunk.length - done, position + done)).bytesWritten;
  }
}
