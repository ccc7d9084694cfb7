// The file of a saved state: what llama-server writes, followed by a trailer of ours. llama-server reads its own part and no further, so
// one file, renamed once, holds all that is checked before a restore:
//
//   llama-server's part: magic, version, a count, that many numbers with the tokens, the cells
//   magic, version, bytes of llama-server's part (64 bits), tokens of the prompt, exact tokens; key (32 bytes); sha256 of all other bytes
//
// llama-server ends at a file that is cut: it is given none whose checksum is wrong or whose cells are not those of its tokens.
import { randomBytes } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { BadStateError, checkCells, checkDigest, DIGEST_BYTES, digestOf, readExactly } from "../shared/kv-cache/state-bytes.ts";
import type { StateFormat } from "../shared/kv-cache/state-folder.ts";

/** The tokens that the cells of a slot stand for. */
export interface SavedTokens {
  readonly tokens: readonly number[] | Uint32Array;
  /** How many of them were a prompt; an answer follows. */
  readonly prompt: number;
  /** How many of them were read in whole batches from the start, as in a read without cache: their numbers come out the same. */
  readonly exact: number;
}

const MAGIC = 0x54564b49; // "IKVT"
const VERSION = 2;
const KEY_AT = 24;
const TAIL_BYTES = KEY_AT + 32 + DIGEST_BYTES;

/** Stands before the tokens since llama-server can save images too; older releases write the tokens alone. */
const PACKED = 0xffffffff;
const PACKED_VERSION = 1;
const PACKED_TOKENS_AT = 24;

/** `key`: 32 bytes that stand for the setup which the states belong to. */
export function llamaServerStateFormat(key: Uint8Array): StateFormat<SavedTokens> {
  return {
    ending: ".slot",
    // A name made from the words would confirm a guess at them.
    nameOf: () => randomBytes(16).toString("hex"),
    seal: (file, native, content) => seal(file, native, content, key),
    readHeader: (file, size) => readHeader(file, size, key),
    verify,
  };
}

/** `native`: bytes of llama-server's part, which is all that the file holds. */
async function seal(file: FileHandle, native: number, { tokens, prompt, exact }: SavedTokens, key: Uint8Array): Promise<void> {
  if ((await checkNative(file, native)) !== tokens.length)
    throw new BadStateError("It does not have as many tokens as llama-server says.");
  const tail = new Uint8Array(TAIL_BYTES);
  const view = new DataView(tail.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, VERSION, true);
  view.setBigUint64(8, BigInt(native), true);
  view.setUint32(16, prompt, true);
  view.setUint32(20, exact, true);
  tail.set(key, KEY_AT);
  const size = native + TAIL_BYTES;
  await write(file, tail, native);
  await write(file, await digestOf(file, size, size - DIGEST_BYTES), size - DIGEST_BYTES);
}

async function readHeader(file: FileHandle, size: number, key: Uint8Array): Promise<SavedTokens | undefined> {
  const { tail, native, prompt, exact } = await readTail(file, size);
  if (Buffer.compare(tail.subarray(KEY_AT, KEY_AT + key.length), key) !== 0) return undefined;
  return { tokens: await readTokens(file, native), prompt, exact };
}

async function verify(file: FileHandle, size: number): Promise<void> {
  await checkDigest(file, size, size - DIGEST_BYTES);
  await checkNative(file, (await readTail(file, size)).native);
}

async function readTail(file: FileHandle, size: number) {
  if (size < TAIL_BYTES) throw new BadStateError("It is cut.");
  const tail = await readExactly(file, TAIL_BYTES, size - TAIL_BYTES);
  const view = new DataView(tail.buffer);
  // Older releases have put the fingerprint of a conversation into another tail.
  if (view.getUint32(0, true) !== MAGIC || view.getUint32(4, true) !== VERSION) {
    throw new BadStateError("It is not a state of this version.");
  }
  const native = Number(view.getBigUint64(8, true));
  if (native + TAIL_BYTES !== size) throw new BadStateError("Its length is wrong.");
  // Older releases have written 0 for the exact tokens.
  return { tail, native, prompt: view.getUint32(16, true), exact: view.getUint32(20, true) };
}

/** The tokens that llama-server's part of a file is about, which ends there. Throws `BadStateError` where it does not tell them. */
export async function readTokens(file: FileHandle, end: number): Promise<Uint32Array> {
  const { at, count } = await findTokens(file, end);
  return new Uint32Array((await readExactly(file, 4 * count, at)).buffer);
}

/** Resolves with the count of tokens. Throws `BadStateError` unless the file is as llama-server writes one without images. */
async function checkNative(file: FileHandle, end: number): Promise<number> {
  const { count, cells } = await findTokens(file, end);
  await checkCells(file, cells, end, count);
  return count;
}

async function findTokens(file: FileHandle, end: number): Promise<{ at: number; count: number; cells: number }> {
  const word = async (at: number): Promise<number> => {
    if (at + 4 > end) throw new BadStateError("Its counts are wrong.");
    return new DataView((await readExactly(file, 4, at)).buffer).getUint32(0, true);
  };
  const words = await word(8);
  const cells = 12 + 4 * words;
  if (cells > end) throw new BadStateError("Its counts are wrong.");
  if ((await word(12)) !== PACKED) return { at: 12, count: words, cells };
  const [version, count] = [await word(16), await word(20)];
  if (version !== PACKED_VERSION || words !== count + 4) throw new BadStateError("It does not have words alone.");
  if ((await word(PACKED_TOKENS_AT + 4 * count)) !== 0) throw new BadStateError("It has images.");
  return { at: PACKED_TOKENS_AT, count, cells };
}

async function write(file: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length;) done += (await file.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
}
