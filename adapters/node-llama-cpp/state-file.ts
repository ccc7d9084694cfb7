// The file of a saved state. llama.cpp writes and reads it: magic, version, a count, so many numbers that are meant for tokens, the cells.
// Our own header is the first of those numbers, so that one file, renamed once, holds all that is checked:
//
//   word 0  magic      word 2  tokens         words 4, 5   bytes of the file   words 14-21  sha256 of all other bytes
//   word 1  version    word 3  exact tokens   words 6-13   key                 then the tokens
//
// llama.cpp hangs at some counts: it gets no file whose checksum is wrong, or whose cells are not those of its tokens.
import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { BadStateError, checkCells, checkDigest, DIGEST_BYTES, digestOf, readExactly } from "../shared/kv-cache/state-bytes.ts";
import type { StateFormat } from "../shared/kv-cache/state-folder.ts";

/** The tokens that the cells of a sequence stand for. */
export interface CachedTokens {
  readonly tokens: readonly number[] | Uint32Array;
  /** How many of them were read in full batches from the start, as in a read without cache: their numbers come out the same. */
  readonly exact: number;
}

/** `key`: 32 bytes; files that were written with another key do not count. */
export function embeddedStateFormat(key: Uint8Array): StateFormat<CachedTokens> {
  return {
    ending: ".kv",
    nameOf(cached) {
      const words = Uint32Array.from([cached.exact, ...cached.tokens]);
      return createHash("sha256").update(key).update(words).digest("hex").slice(0, 32);
    },
    seal,
    readHeader: (file, size) => readHeader(file, size, key),
    verify,
  };
}

const MAGIC = 0x53564b49; // "IKVS"
const VERSION = 1;
const [TOKENS, EXACT, BYTES, KEY, DIGEST] = [2, 3, 4, 6, 14] as const;
export const HEADER_WORDS = 22;
/** llama.cpp's own before our words: magic, version, count. */
const NATIVE_BYTES = 12;
const DIGEST_AT = NATIVE_BYTES + DIGEST * 4;

/** The numbers that llama.cpp writes before the cells. `seal` fills in the length and the digest. */
export function headerWords({ tokens, exact }: CachedTokens, key: Uint8Array): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(HEADER_WORDS + tokens.length);
  words.set([MAGIC, VERSION, tokens.length, exact]);
  new Uint8Array(words.buffer).set(key, KEY * 4);
  words.set(tokens, HEADER_WORDS);
  return words;
}

/** Completes what llama.cpp has written: the length, then the digest. */
export async function seal(file: FileHandle, size: number): Promise<void> {
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(size), true);
  await file.write(length, 0, 8, NATIVE_BYTES + BYTES * 4);
  await file.write(await digestOf(file, size, DIGEST_AT), 0, DIGEST_BYTES, DIGEST_AT);
}

async function readHeader(file: FileHandle, size: number, key: Uint8Array): Promise<CachedTokens | undefined> {
  const start = await readExactly(file, NATIVE_BYTES + HEADER_WORDS * 4, 0);
  const words = new DataView(start.buffer, NATIVE_BYTES);
  const word = (at: number): number => words.getUint32(at * 4, true);
  if (word(0) !== MAGIC || word(1) !== VERSION) throw new BadStateError("It is not a state of this version.");
  if (Buffer.compare(start.subarray(NATIVE_BYTES + KEY * 4, DIGEST_AT), key) !== 0) return undefined;
  const [count, exact] = [word(TOKENS), word(EXACT)];
  const native_count = new DataView(start.buffer).getUint32(NATIVE_BYTES - 4, true);
  if (words.getBigUint64(BYTES * 4, true) !== BigInt(size)) throw new BadStateError("Its length is wrong.");
  const fits = start.length + count * 4 <= size;
  if (!fits || exact > count || native_count !== HEADER_WORDS + count) throw new BadStateError("Its counts are wrong.");
  return { tokens: new Uint32Array((await readExactly(file, count * 4, start.length)).buffer), exact };
}

/** Checks the digest, and that the cells are those of the tokens. */
async function verify(file: FileHandle, size: number): Promise<void> {
  await checkDigest(file, size, DIGEST_AT);
  const words = new DataView((await readExactly(file, 4, NATIVE_BYTES - 4)).buffer).getUint32(0, true);
  await checkCells(file, NATIVE_BYTES + words * 4, size, words - HEADER_WORDS);
}
