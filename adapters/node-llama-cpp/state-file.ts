// The file of one conversation's state. llama.cpp writes and reads it: magic, version, a count, so many numbers that should be
// tokens, the cells. Our own head goes first among those numbers, so that one file, renamed once, holds all there is to check:
//
//   word 0  magic      word 2  tokens       words 4, 5   bytes of the file   words 14-21  sha256 of all other bytes
//   word 1  version    word 3  exact ones   words 6-13   key                 then the tokens
//
// The native side hangs at some counts: nothing gets there whose sum is not right, or whose cells are not those of its tokens.
import { createHash } from "node:crypto";
import { open, type FileHandle } from "node:fs/promises";

/** What the cells of a sequence stand for. */
export interface Held {
  readonly tokens: ArrayLike<number>;
  /** How many of them were read in full batches from the start, just as a fresh read would do it. */
  readonly exact: number;
}

/** A file that looks whole from its head. */
export interface StateHead extends Held {
  readonly tokens: Uint32Array;
  readonly bytes: number;
}

/** A file that is cut, changed, or none of ours. */
export class BadStateError extends Error {
  override readonly name = "BadStateError";
}

const MAGIC = 0x53564b49; // "IKVS"
const VERSION = 1;
const [TOKENS, EXACT, BYTES, KEY, SUM] = [2, 3, 4, 6, 14] as const;
export const HEAD_WORDS = 22;
/** What llama.cpp puts before our words: its magic, its version, the count. */
const NATIVE_BYTES = 12;
const SUM_BYTES = 32;
const CELL_WORDS = 3;
/** More slots than llama.cpp knows of. */
const MOST_STREAMS = 1024;
const SUM_AT = NATIVE_BYTES + SUM * 4;
const CHUNK = 1024 * 1024;

/** The numbers that llama.cpp is to write before the cells; `key` has 32 bytes. What is known only later is left 0 for `seal`. */
export function wordsOf({ tokens, exact }: Held, key: Uint8Array): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(HEAD_WORDS + tokens.length);
  words.set([MAGIC, VERSION, tokens.length, exact]);
  new Uint8Array(words.buffer).set(key, KEY * 4);
  words.set(tokens, HEAD_WORDS);
  return words;
}

/** Completes what llama.cpp has written: its length, then its sum. Answers with the bytes. */
export async function seal(path: string): Promise<number> {
  return withFile(path, "r+", async (file) => {
    const { size } = await file.stat();
    const length = new Uint8Array(8);
    new DataView(length.buffer).setBigUint64(0, BigInt(size), true);
    await file.write(length, 0, 8, NATIVE_BYTES + BYTES * 4);
    await file.write(await sumOf(file, size), 0, SUM_BYTES, SUM_AT);
    return size;
  });
}

/** Reads the head alone. Throws `BadStateError` where that says enough, undefined for one of another key, and what the disk throws. */
export async function readHead(path: string, key: Uint8Array): Promise<StateHead | undefined> {
  return withFile(path, "r", async (file) => {
    const { size } = await file.stat();
    const start = await exactly(file, NATIVE_BYTES + HEAD_WORDS * 4, 0);
    const words = new DataView(start.buffer, NATIVE_BYTES);
    const word = (at: number): number => words.getUint32(at * 4, true);
    if (word(0) !== MAGIC || word(1) !== VERSION) throw new BadStateError("It is no state of this version.");
    if (Buffer.compare(start.subarray(NATIVE_BYTES + KEY * 4, SUM_AT), key) !== 0) return undefined;
    const [count, exact] = [word(TOKENS), word(EXACT)];
    const told = new DataView(start.buffer).getUint32(NATIVE_BYTES - 4, true);
    if (words.getBigUint64(BYTES * 4, true) !== BigInt(size)) throw new BadStateError("Its length is wrong.");
    const fits = start.length + count * 4 <= size;
    if (!fits || exact > count || told !== HEAD_WORDS + count) throw new BadStateError("Its counts are wrong.");
    const bytes = await exactly(file, count * 4, start.length);
    return { tokens: new Uint32Array(bytes.buffer), exact, bytes: size };
  });
}

/** Throws `BadStateError` unless every byte is as it was sealed and the cells are those of the tokens. */
export async function verify(path: string): Promise<void> {
  await withFile(path, "r", async (file) => {
    const { size } = await file.stat();
    const sum = await sumOf(file, size);
    if (Buffer.compare(sum, await exactly(file, SUM_BYTES, SUM_AT)) !== 0) throw new BadStateError("Its sum is wrong.");
    await checkCells(file);
  });
}

/**
 * Whoever can make a sum can make a file. Of the streams, one for each slot, one has cells: position, how many sequences, which. What
 * follows are the layers: the native side compares them with the model's own.
 */
async function checkCells(file: FileHandle): Promise<void> {
  const numbers = async (count: number, at: number): Promise<Uint32Array> => {
    return new Uint32Array((await exactly(file, count * 4, at)).buffer);
  };
  const [words] = await numbers(1, NATIVE_BYTES - 4);
  let at = NATIVE_BYTES + words! * 4;
  const streams = (await numbers(1, at))[0]!;
  if (streams > MOST_STREAMS) throw new BadStateError("It has too many streams.");
  let stream = 0;
  for (let count = 0; count === 0; stream++) {
    if (stream >= streams) throw new BadStateError("It has no cells.");
    count = (await numbers(1, (at += 4)))[0]!;
    if (count !== 0 && count !== words! - HEAD_WORDS) throw new BadStateError("Its cells are not as many as its tokens.");
  }
  // Those behind it are empty, which is all that follows its layers.
  const { size } = await file.stat();
  const behind = await numbers(streams - stream, size - 4 * (streams - stream));
  if (behind.some((count) => count !== 0)) throw new BadStateError("It has the cells of several conversations.");
  const cells = await numbers((words! - HEAD_WORDS) * CELL_WORDS, at + 4);
  for (let place = 0; place < cells.length; place += CELL_WORDS) {
    if (cells[place] !== place / CELL_WORDS || cells[place + 1] !== 1) throw new BadStateError("Its cells are out of order.");
  }
}

/** Of all bytes but those of the sum itself. In pieces, so that an engine with a large file still hears who leaves. */
async function sumOf(file: FileHandle, size: number): Promise<Buffer> {
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
  await add(0, SUM_AT);
  await add(SUM_AT + SUM_BYTES, size);
  return sum.digest();
}

async function exactly(file: FileHandle, length: number, at: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  for (let read = 0; read < length;) {
    const { bytesRead } = await file.read(bytes, read, length - read, at + read);
    if (bytesRead === 0) throw new BadStateError("It is cut.");
    read += bytesRead;
  }
  return bytes;
}

async function withFile<T>(path: string, flags: "r" | "r+", work: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path, flags);
  try {
    return await work(file);
  } finally {
    await file.close();
  }
}
