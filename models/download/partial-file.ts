// The unfinished copy of a file: `<target>.part`, and `<target>.part.json` that names the source of its bytes.
import { constants, writeSync } from "node:fs";
import { type FileHandle, lstat, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { GgufError, readGgufFile } from "../gguf/header.ts";
import { createPartHash } from "./part-hash.ts";
import { canContinue, noteOf, type PartOrigin, readPartOrigin, writePartOrigin } from "./part-note.ts";
import { SourceError } from "../download-errors.ts";
import { checkDiskSpace } from "./disk-space.ts";
import { fsyncFolder } from "../fsync-folder.ts";
import { makeModelFolder } from "../model-folder.ts";

/** What is known of a file before it comes. */
export interface ExpectedFile {
  name: string;
  /** Bytes. */
  size?: number | undefined;
  sha256?: string | undefined;
}

export type PartialFile = Awaited<ReturnType<typeof openPartialFile>>;

/** Bytes between two checks of the disk's free space, and between two syncs. */
const CHECK_EVERY = 64 << 20;
const MAGIC = "GGUF";
const WEB_PAGE = "It sent a web page instead of a model.";
const NOT_GGUF = `It sent a file that does not begin with ${MAGIC}.`;

interface PartialFileOptions {
  /** Writes block the calling thread, which has nothing else to do. */
  blocking: boolean;
  /** These two are as in `DownloadOptions`. */
  free?: (folder: string) => Promise<number>;
  one_of_several?: boolean;
}

/** Opens or creates the part of `target`, with its folder. Every method but `close` may throw what the disk throws. */
export async function openPartialFile(target: string, file: ExpectedFile, options: PartialFileOptions) {
  const { blocking, free, one_of_several } = options;
  const path = `${target}.part`;
  const note = noteOf(target);
  const folder = dirname(target);
  await makeModelFolder(folder);
  // A link in the part's place could point at any file of the user's.
  const flags = constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0);
  const handle = await open(path, flags, 0o600);
  const hash = createPartHash(path, handle);
  // The system reports a failed fsync once and calls the next one good (https://wiki.postgresql.org/wiki/Fsync_Errors): the error stays.
  let syncing: Promise<void> = Promise.resolve();
  let bytes = 0;
  let total = file.size;
  let checked_at = 0;
  let joined = false;
  let sha256: string | undefined;
  let closed = false;

  const refuse = async (reason: string): Promise<never> => {
    await part.restart();
    throw new SourceError(reason, { code: "checksum_mismatch" });
  };
  const checkSpace = async (): Promise<void> => {
    checked_at = bytes;
    if (total !== undefined) await checkDiskSpace(folder, Math.max(0, total - bytes), free);
  };

  const part = {
    /** Bytes written so far. */
    get bytes(): number {
      return bytes;
    },
    /** The bytes did not all come in one answer, so they may be of two versions of the file. */
    get joined(): boolean {
      return joined;
    },
    /** The whole file's, once it is finished. */
    get sha256(): string | undefined {
      return sha256;
    },
    /** To be called before bytes of another answer are written. */
    join: (): void => void (joined = true),
    /** Goes on from the bytes that an earlier try left of this address; gives their origin, or undefined where they are of no use. */
    async resume(url: string): Promise<PartOrigin | undefined> {
      const origin = await readPartOrigin(note);
      const { size } = await handle.stat();
      if (origin?.url !== url || !canContinue(origin, file.sha256)) return undefined;
      if (size < MAGIC.length || size > (file.size ?? origin.total ?? Infinity)) return undefined;
      [bytes, joined] = [size, true];
      hash.reach(bytes);
      return origin;
    },
    /** Drops all bytes. With an origin, the bytes to come can be resumed. */
    async restart(origin?: PartOrigin): Promise<void> {
      // The note goes first, so that it never names a source for bytes of another one.
      await rm(note, { force: true });
      const { size } = await handle.stat();
      if (size > 0) await fsyncFolder(folder);
      [bytes, checked_at, total, joined] = [0, 0, file.size, false];
      hash.restart();
      await handle.truncate(0);
      if (origin && size > 0) await handle.sync();
      if (origin && canContinue(origin, file.sha256)) await writePartOrigin(note, origin);
    },
    /** Sets how many bytes the whole file has. Throws `SourceError` `insufficient_storage` where the disk has no room for them. */
    async expect(whole: number): Promise<void> {
      total = whole;
      await checkSpace();
    },
    /**
     * Appends. Throws `SourceError`: `checksum_mismatch` at more bytes than expected and at a GGUF file that does not begin like one,
     * `insufficient_storage` where the disk runs full.
     */
    async write(chunk: Uint8Array): Promise<void> {
      if (bytes + chunk.length > (total ?? Infinity)) await refuse(`It sent more than the ${total} bytes declared.`);
      const head = bytes === 0 ? new TextDecoder("latin1").decode(chunk.subarray(0, MAGIC.length)) : MAGIC;
      if (file.name.endsWith(".gguf") && !MAGIC.startsWith(head)) await refuse(head.startsWith("<") ? WEB_PAGE : NOT_GGUF);
      await writeAll(handle, chunk, bytes, blocking);
      bytes += chunk.length;
      hash.reach(bytes);
      if (bytes - checked_at < CHECK_EVERY) return;
      await checkSpace();
      // Bytes reach the disk while more are written, so that the last sync does not wait for gigabytes.
      await syncing;
      syncing = handle.datasync();
      syncing.catch(() => {});
    },
    /**
     * Checks size, sha256 and header, and puts the file in its place, durably. Throws `SourceError` `checksum_mismatch` and removes
     * the bytes when they are wrong; the signal's reason keeps them.
     */
    async finish(signal: AbortSignal): Promise<void> {
      if (bytes !== (file.size ?? bytes)) await refuse(`It sent ${bytes} bytes instead of ${file.size}.`);
      sha256 = await hash.digest(bytes, signal);
      if (sha256 !== (file.sha256 ?? sha256)) await refuse(`Its file has the sha256 ${sha256} instead of ${file.sha256}.`);
      if (file.name.endsWith(".gguf"))
        await readGgufFile(path).catch((error) => (error instanceof GgufError ? refuse(error.message) : Promise.reject(error)));
      await syncing;
      await handle.sync();
      const [own, there] = [await handle.stat(), await lstat(path)];
      await part.close();
      if (own.ino !== there.ino) throw new Error(`Another file stands at ${path} by now.`);
      await rename(path, target);
      if (!one_of_several) await rm(note, { force: true });
      await fsyncFolder(folder);
    },
    /** Leaves the bytes for a resume. Safe to call twice. */
    async close(): Promise<void> {
      if (closed) return;
      closed = true;
      await hash.close();
      await syncing.catch(() => {}); // the bytes are checked before the file gets its name
      const { size } = await handle.stat();
      await handle.close();
      if (size === 0) await Promise.all([rm(path, { force: true }), rm(note, { force: true })]);
    },
  };
  return part;
}

// A write may take fewer bytes than it is given, on a disk that is nearly full.
async function writeAll(handle: FileHandle, chunk: Uint8Array, position: number, blocking: boolean): Promise<void> {
  for (let done = 0; done < chunk.length;) {
    const piece = [chunk, done, chunk.length - done, position + done] as const;
    done += blocking ? writeSync(handle.fd, ...piece) : (await handle.write(...piece)).bytesWritten;
  }
}
