// The file of a saved state: what llama-server writes, followed by a trailer of ours. llama-server reads its own part and no further, so
// one file, renamed once, holds all that is checked before a restore:
//
//   llama-server's part: magic, version, a count, that many numbers with the tokens, the cells
//   what the state stands for, as JSON
//   magic, version, bytes of llama-server's part (64 bits), bytes of the JSON, 0; key (32 bytes); sha256 of all other bytes
//
// llama-server ends at a file that is cut: it is given none whose checksum is wrong or whose cells are not those of its tokens.
import { randomBytes } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import * as v from "valibot";
import type { ConversationFingerprint } from "../shared/conversation-fingerprint.ts";
import { BadStateError, checkCells, checkDigest, DIGEST_BYTES, digestOf, readExactly } from "../shared/kv-cache/state-bytes.ts";
import type { StateFormat } from "../shared/kv-cache/state-folder.ts";

/** What the cells of a slot stand for. */
export interface SlotContents {
  fingerprint: ConversationFingerprint;
  /** Tokens of the prompt. */
  prompt: number;
  /** All tokens, those of the answer behind the prompt included. */
  tokens: number;
}

const Count = v.pipe(v.number(), v.integer(), v.minValue(0));

/** The fields keep these names: with others, no saved state could be read any more. */
const StoredContents = v.pipe(
  v.object({
    talk: v.object({ marks: v.pipe(v.array(v.string()), v.minLength(1)), ends: v.array(Count) }),
    prompt: Count,
    tokens: Count,
  }),
  v.check(({ talk }) => talk.marks.length === talk.ends.length),
);

const MAGIC = 0x54564b49; // "IKVT"
const VERSION = 1;
const KEY_AT = 24;
const TAIL_BYTES = KEY_AT + 32 + DIGEST_BYTES;
const LONGEST_JSON = 64 * 1024 * 1024;

/** Stands before the tokens since llama-server can save images too; older releases write the tokens alone. */
const PACKED = 0xffffffff;
const PACKED_VERSION = 1;

/** `key`: 32 bytes that stand for the setup which the states belong to. */
export function llamaServerStateFormat(key: Uint8Array): StateFormat<SlotContents> {
  return {
    ending: ".slot",
    // A name made from the words would confirm a guess at them.
    nameOf: () => randomBytes(16).toString("hex"),
    seal: (file, native, contents) => seal(file, native, contents, key),
    readHeader: (file, size) => readHeader(file, size, key),
    verify,
  };
}

/** `native`: bytes of llama-server's part, which is all that the file holds. */
async function seal(file: FileHandle, native: number, contents: SlotContents, key: Uint8Array): Promise<void> {
  const { fingerprint, prompt, tokens } = contents;
  if ((await checkNative(file, native)) !== tokens)
    throw new BadStateError("It does not have as many tokens as llama-server says.");
  const talk = { marks: fingerprint.prefixes, ends: fingerprint.ends };
  const json = Buffer.from(JSON.stringify({ talk, prompt, tokens }));
  const tail = new Uint8Array(TAIL_BYTES);
  const view = new DataView(tail.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, VERSION, true);
  view.setBigUint64(8, BigInt(native), true);
  view.setUint32(16, json.length, true);
  tail.set(key, KEY_AT);
  const size = native + json.length + TAIL_BYTES;
  await write(file, Buffer.concat([json, tail]), native);
  await write(file, await digestOf(file, size, size - DIGEST_BYTES), size - DIGEST_BYTES);
}

async function readHeader(file: FileHandle, size: number, key: Uint8Array): Promise<SlotContents | undefined> {
  const { tail, native, json_bytes } = await readTail(file, size);
  if (Buffer.compare(tail.subarray(KEY_AT, KEY_AT + key.length), key) !== 0) return undefined;
  return parseContents(new TextDecoder().decode(await readExactly(file, json_bytes, native)));
}

function parseContents(text: string): SlotContents {
  try {
    const { talk, prompt, tokens } = v.parse(StoredContents, JSON.parse(text));
    return { fingerprint: { prefixes: talk.marks, ends: talk.ends }, prompt, tokens };
  } catch (error) {
    throw new BadStateError("It does not say what it stands for.", { cause: error });
  }
}

async function verify(file: FileHandle, size: number): Promise<void> {
  await checkDigest(file, size, size - DIGEST_BYTES);
  await checkNative(file, (await readTail(file, size)).native);
}

async function readTail(file: FileHandle, size: number) {
  if (size < TAIL_BYTES) throw new BadStateError("It is cut.");
  const tail = await readExactly(file, TAIL_BYTES, size - TAIL_BYTES);
  const view = new DataView(tail.buffer);
  if (view.getUint32(0, true) !== MAGIC || view.getUint32(4, true) !== VERSION) {
    throw new BadStateError("It is not a state of this version.");
  }
  const [native, json_bytes] = [Number(view.getBigUint64(8, true)), view.getUint32(16, true)];
  if (json_bytes > LONGEST_JSON || native + json_bytes + TAIL_BYTES !== size) throw new BadStateError("Its length is wrong.");
  return { tail, native, json_bytes };
}

/** Resolves with the count of tokens. Throws `BadStateError` unless the file is as llama-server writes one without images. */
async function checkNative(file: FileHandle, end: number): Promise<number> {
  const word = async (at: number): Promise<number> => {
    if (at + 4 > end) throw new BadStateError("Its counts are wrong.");
    return new DataView((await readExactly(file, 4, at)).buffer).getUint32(0, true);
  };
  const words = await word(8);
  const tokens = (await word(12)) === PACKED ? await readPackedCount(words, word) : words;
  const cells = 12 + 4 * words;
  if (cells > end) throw new BadStateError("Its counts are wrong.");
  await checkCells(file, cells, end, tokens);
  return tokens;
}

async function readPackedCount(words: number, word: (at: number) => Promise<number>): Promise<number> {
  const [version, tokens] = [await word(16), await word(20)];
  if (version !== PACKED_VERSION || words !== tokens + 4) throw new BadStateError("It does not have words alone.");
  if ((await word(24 + 4 * tokens)) !== 0) throw new BadStateError("It has images.");
  return tokens;
}

async function write(file: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length;) done += (await file.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
}
