// Files of states, byte by byte: what both engines' formats are read and checked with.
import { createHash } from "node:crypto";
import { open, type FileHandle } from "node:fs/promises";

/** A file that is cut, changed, or none of ours. */
export class BadStateError extends Error {
  override readonly name = "BadStateError";
}

export const DIGEST_BYTES = 32;
const CELL_WORDS = 3;
/** More slots than llama.cpp knows of. */
const MOST_STREAMS = 1024;
const CHUNK = 1024 * 1024;

/** The sha256 of all bytes of a file of `size` but those of the sum itself. In pieces, so that nobody else has to wait for a large one. */
export async function digestOf(file: FileHandle, size: number, sum_at: number): Promise<Buffer> {
  const sum = createHash("sha256");
  const buffer = new Uint8Array(CHUNK);
  const add = async (from: number, to: number): Promise<void> => {
    for (let at = from; at < to;) {
      const { bytesRead } = await file.read(buffer, 0, Math.min(CHUNK, to - at), at);
      if (bytesRead === 0) throw new BadStateError("It is cut.");
      sum.update(buffer.subarray(0, bytesRead));
      at += bytesRead;
    }
  };
  await add(0, sum_at);
  await add(sum_at + DIGEST_BYTES, size);
  return sum.digest();
}

/** Throws `BadStateError` unless the sum at `sum_at` is that of all other bytes. */
export async function checkDigest(file: FileHandle, size: number, sum_at: number): Promise<void> {
  const sum = await digestOf(file, size, sum_at);
  if (Buffer.compare(sum, await readExactly(file, DIGEST_BYTES, sum_at)) !== 0) throw new BadStateError("Its sum is wrong.");
}

/**
 * Whoever can make a sum can make a file. Of the streams, one for each slot, one has cells: position, how many sequences, which. What
 * follows are the layers: the native side compares them with the model's own. From `at` to `end` is what llama.cpp has written of them;
 * there have to be as many cells as `tokens`.
 */
export async function checkCells(file: FileHandle, at: number, end: number, tokens: number): Promise<void> {
  const numbers = async (count: number, at: number): Promise<Uint32Array> => {
    return new Uint32Array((await readExactly(file, count * 4, at)).buffer);
  };
  const streams = (await numbers(1, at))[0]!;
  if (streams > MOST_STREAMS) throw new BadStateError("It has too many streams.");
  let stream = 0;
  for (let count = 0; count === 0; stream++) {
    if (stream >= streams) throw new BadStateError("It has no cells.");
    count = (await numbers(1, (at += 4)))[0]!;
    if (count !== 0 && count !== tokens) throw new BadStateError("Its cells are not as many as its tokens.");
  }
  // Those behind it are empty, which is all that follows its layers.
  const behind = await numbers(streams - stream, end - 4 * (streams - stream));
  if (behind.some((count) => count !== 0)) throw new BadStateError("It has the cells of several conversations.");
  const cells = await numbers(tokens * CELL_WORDS, at + 4);
  for (let place = 0; place < cells.length; place += CELL_WORDS) {
    if (cells[place] !== place / CELL_WORDS || cells[place + 1] !== 1) throw new BadStateError("Its cells are out of order.");
  }
}

/** Throws `BadStateError` where the file ends before. */
export async function readExactly(file: FileHandle, length: number, at: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  for (let read = 0; read < length;) {
    const { bytesRead } = await file.read(bytes, read, length - read, at + read);
    if (bytesRead === 0) throw new BadStateError("It is cut.");
    read += bytesRead;
  }
  return bytes;
}

export async function withFile<T>(path: string, flags: "r" | "r+", work: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path, flags);
  try {
    return await work(file);
  } finally {
    await file.close();
  }
}
