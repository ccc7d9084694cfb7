// Reads and checks the bytes of state files, for the formats of both engines.
import { createHash } from "node:crypto";
import { open, type FileHandle } from "node:fs/promises";

/** The file is cut, changed, or no state. */
export class BadStateError extends Error {
  override readonly name = "BadStateError";
}

export const DIGEST_BYTES = 32;
const CELL_WORDS = 3;
/** More than llama.cpp has slots. */
const MAX_STREAMS = 1024;
const CHUNK = 1024 * 1024;

/** The sha256 of all bytes of a file of `size` but those of the digest itself; read in pieces, so that other work goes on. */
export async function digestOf(file: FileHandle, size: number, digest_at: number): Promise<Buffer> {
  const hash = createHash("sha256");
  const buffer = new Uint8Array(CHUNK);
  const add = async (from: number, to: number): Promise<void> => {
    for (let at = from; at < to;) {
      const { bytesRead } = await file.read(buffer, 0, Math.min(CHUNK, to - at), at);
      if (bytesRead === 0) throw new BadStateError("It is cut.");
      hash.update(buffer.subarray(0, bytesRead));
      at += bytesRead;
    }
  };
  await add(0, digest_at);
  await add(digest_at + DIGEST_BYTES, size);
  return hash.digest();
}

/** Throws `BadStateError` unless the digest at `digest_at` is that of all other bytes. */
export async function checkDigest(file: FileHandle, size: number, digest_at: number): Promise<void> {
  const digest = await digestOf(file, size, digest_at);
  if (Buffer.compare(digest, await readExactly(file, DIGEST_BYTES, digest_at)) !== 0)
    throw new BadStateError("Its checksum is wrong.");
}

/**
 * Throws `BadStateError` unless the cells that llama.cpp has written, from `at` to `end`, are those of `tokens` tokens: a right checksum alone
 * can be forged. There is a stream for each slot, and one of them has cells: position, number of sequences, which sequence. The layers follow,
 * which llama.cpp compares with those of the model.
 */
export async function checkCells(file: FileHandle, at: number, end: number, tokens: number): Promise<void> {
  const numbers = async (count: number, at: number): Promise<Uint32Array> => {
    return new Uint32Array((await readExactly(file, count * 4, at)).buffer);
  };
  const streams = (await numbers(1, at))[0]!;
  if (streams > MAX_STREAMS) throw new BadStateError("It has too many streams.");
  let stream = 0;
  for (let count = 0; count === 0; stream++) {
    if (stream >= streams) throw new BadStateError("It has no cells.");
    count = (await numbers(1, (at += 4)))[0]!;
    if (count !== 0 && count !== tokens) throw new BadStateError("Its cells are not as many as its tokens.");
  }
  // The streams behind it are empty: their counts are all that follows the layers.
  const behind = await numbers(streams - stream, end - 4 * (streams - stream));
  if (behind.some((count) => count !== 0)) throw new BadStateError("It has the cells of several conversations.");
  const cells = await numbers(tokens * CELL_WORDS, at + 4);
  for (let i = 0; i < cells.length; i += CELL_WORDS) {
    if (cells[i] !== i / CELL_WORDS || cells[i + 1] !== 1) throw new BadStateError("Its cells are out of order.");
  }
}

/** Throws `BadStateError` where the file ends earlier. */
export async function readExactly(file: FileHandle, length: number, at: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  for (let read = 0; read < length;) {
    const { bytesRead } = await file.read(bytes, read, length - read, at + read);
    if (bytesRead === 0) throw new BadStateError("It is cut.");
    read += bytesRead;
  }
  return bytes;
}

/** `size`: of the file, in bytes. */
export async function withFile<T>(path: string, flags: "r" | "r+", work: (file: FileHandle, size: number) => Promise<T>) {
  const file = await open(path, flags);
  try {
    return await work(file, (await file.stat()).size);
  } finally {
    await file.close();
  }
}
