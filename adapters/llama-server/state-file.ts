// The file of one conversation's state as llama-server writes it, and what we put behind that. It reads what is its own and no further,
// so that one file, renamed once, holds all there is to check:
//
//   its own: magic, version, a count, so many numbers that hold the tokens, the cells
//   what the state stands for, as JSON
//   magic, version, bytes of its own (64 bits), bytes of the JSON, 0; key (32 bytes); sha256 of all other bytes
//
// A file that is cut ends its process: nothing gets there whose sum is not right, or whose cells are not those of its tokens.
import { randomBytes } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import * as v from "valibot";
import {
  BadStateError,
  checkCells,
  checkDigest,
  readExactly,
  DIGEST_BYTES,
  digestOf,
  withFile,
} from "../shared/kv-cache/state-bytes.ts";
import type { SavedState, StateFolder, StateFormat } from "../shared/kv-cache/state-folder.ts";

const Count = v.pipe(v.number(), v.integer(), v.minValue(0));

/** What the cells of a slot stand for. */
const Held = v.pipe(
  v.object({
    talk: v.object({ marks: v.pipe(v.array(v.string()), v.minLength(1)), ends: v.array(Count) }),
    /** Tokens of the prompt. */
    prompt: Count,
    /** All tokens: the answer is behind the prompt. */
    tokens: Count,
  }),
  v.check(({ talk }) => talk.marks.length === talk.ends.length),
);
export type Held = v.InferOutput<typeof Held>;

export interface StateHead extends Held {
  readonly bytes: number;
}

export type State = SavedState<StateHead>;
export type States = StateFolder<Held, StateHead>;

const MAGIC = 0x54564b49; // "IKVT"
const VERSION = 1;
const KEY_AT = 24;
const TAIL_BYTES = KEY_AT + 32 + DIGEST_BYTES;
const LONGEST_JSON = 64 * 1024 * 1024;

/** What llama-server puts before the tokens of a slot since it can write down images too; before that there was nothing. */
const PACKED = 0xffffffff;
const PACKED_VERSION = 1;

/** `key`: 32 bytes, what a file must have been written for. */
export function serverStates(key: Uint8Array): StateFormat<Held, StateHead> {
  return {
    ending: ".slot",
    // From the words of a conversation nobody shall find out that it is here.
    nameOf: () => randomBytes(16).toString("hex"),
    seal: (path, held) => seal(path, held, key),
    readHeader: (path) => readHead(path, key),
    verify,
  };
}

async function seal(path: string, { talk, prompt, tokens }: Held, key: Uint8Array): Promise<number> {
  return withFile(path, "r+", async (file) => {
    const { size: native } = await file.stat();
    // What is not understood is not kept.
    if ((await checkNative(file, native)) !== tokens) throw new BadStateError("It does not have the tokens that were told.");
    const told = Buffer.from(JSON.stringify({ talk, prompt, tokens }));
    const tail = new Uint8Array(TAIL_BYTES);
    const view = new DataView(tail.buffer);
    view.setUint32(0, MAGIC, true);
    view.setUint32(4, VERSION, true);
    view.setBigUint64(8, BigInt(native), true);
    view.setUint32(16, told.length, true);
    tail.set(key, KEY_AT);
    const size = native + told.length + TAIL_BYTES;
    await write(file, Buffer.concat([told, tail]), native);
    await write(file, await digestOf(file, size, size - DIGEST_BYTES), size - DIGEST_BYTES);
    return size;
  });
}

async function readHead(path: string, key: Uint8Array): Promise<StateHead | undefined> {
  return withFile(path, "r", async (file) => {
    const { size } = await file.stat();
    const { tail, native, told } = await tailOf(file, size);
    if (Buffer.compare(tail.subarray(KEY_AT, KEY_AT + key.length), key) !== 0) return undefined;
    const text = new TextDecoder().decode(await readExactly(file, told, native));
    return { ...heldOf(text), bytes: size };
  });
}

function heldOf(text: string): Held {
  try {
    return v.parse(Held, JSON.parse(text));
  } catch (error) {
    throw new BadStateError("It does not say what it stands for.", { cause: error });
  }
}

async function verify(path: string): Promise<void> {
  await withFile(path, "r", async (file) => {
    const { size } = await file.stat();
    await checkDigest(file, size, size - DIGEST_BYTES);
    await checkNative(file, (await tailOf(file, size)).native);
  });
}

async function tailOf(file: FileHandle, size: number): Promise<{ tail: Uint8Array; native: number; told: number }> {
  if (size < TAIL_BYTES) throw new BadStateError("It is cut.");
  const tail = await readExactly(file, TAIL_BYTES, size - TAIL_BYTES);
  const view = new DataView(tail.buffer);
  if (view.getUint32(0, true) !== MAGIC || view.getUint32(4, true) !== VERSION) {
    throw new BadStateError("It is no state of this version.");
  }
  const [native, told] = [Number(view.getBigUint64(8, true)), view.getUint32(16, true)];
  if (told > LONGEST_JSON || native + told + TAIL_BYTES !== size) throw new BadStateError("Its length is wrong.");
  return { tail, native, told };
}

/** Answers with the count of its tokens. Throws `BadStateError` unless the file is as we know llama-server to write it, images aside. */
async function checkNative(file: FileHandle, end: number): Promise<number> {
  const word = async (at: number): Promise<number> => {
    if (at + 4 > end) throw new BadStateError("Its counts are wrong.");
    return new DataView((await readExactly(file, 4, at)).buffer).getUint32(0, true);
  };
  const words = await word(8);
  const tokens = (await word(12)) === PACKED ? await packed(words, word) : words;
  const cells = 12 + 4 * words;
  if (cells > end) throw new BadStateError("Its counts are wrong.");
  await checkCells(file, cells, end, tokens);
  return tokens;
}

async function packed(words: number, word: (at: number) => Promise<number>): Promise<number> {
  const [version, tokens] = [await word(16), await word(20)];
  if (version !== PACKED_VERSION || words !== tokens + 4) throw new BadStateError("It does not have words alone.");
  if ((await word(24 + 4 * tokens)) !== 0) throw new BadStateError("It has images.");
  return tokens;
}

async function write(file: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length;) done += (await file.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
}
