// The texts of a vocabulary that an engine may take for special tokens, wherever they stand in a prompt.
import { type Cursor, cursorOf } from "./cursor.ts";
import { readCounts, withGgufFile } from "./header.ts";
import { findArray } from "./metadata.ts";

/** Values of `tokenizer.ggml.token_type`: unknown and control. */
const SPECIAL_TYPES: readonly number[] = [2, 3];
/** Bytes of the longest name that is tested for its form. */
const LONGEST_NAME = 256;
const TYPES_AT_ONCE = 16_384;

/**
 * The names of all special tokens, and of every token that looks like one: llama.cpp makes some special whose type says otherwise, by
 * lists that change with its releases. Throws `GgufError`, and what the disk throws.
 */
export async function readSpecialTokens(path: string): Promise<Set<string>> {
  // Two passes: the types stand behind the texts, which are too many to be kept.
  const special = (await find(path, "tokenizer.ggml.token_type", readSpecial)) ?? new Set();
  return (await find(path, "tokenizer.ggml.tokens", (cursor, length) => readNames(cursor, length, special))) ?? new Set();
}

/** The text of one token; empty where the vocabulary has none of that index. Throws `GgufError`, and what the disk throws. */
export async function readTokenText(path: string, index: number): Promise<string> {
  const read = async (cursor: Cursor, length: number): Promise<string> => {
    if (index >= length) return "";
    await cursor.skipTexts(index);
    await cursor.reach(8 + LONGEST_NAME);
    const bytes = cursor.u64();
    await cursor.reach(bytes);
    return cursor.text(bytes);
  };
  return (await find(path, "tokenizer.ggml.tokens", read)) ?? "";
}

function find<T>(path: string, key: string, read: (cursor: Cursor, length: number) => Promise<T>): Promise<T | undefined> {
  return withGgufFile(path, async (bytes, size) => {
    const cursor = cursorOf(bytes, size);
    const { key_count } = await readCounts(cursor);
    return findArray(cursor, key_count, key, read);
  });
}

/** The indices of special tokens. */
async function readSpecial(cursor: Cursor, length: number): Promise<Set<number>> {
  const special = new Set<number>();
  for (let index = 0; index < length;) {
    const some = Math.min(TYPES_AT_ONCE, length - index);
    await cursor.reach(4 * some);
    const types = cursor.take(4 * some);
    for (let at = 0; at < some; at++, index++) if (SPECIAL_TYPES.includes(types.getInt32(4 * at, true))) special.add(index);
  }
  return special;
}

async function readNames(cursor: Cursor, length: number, special: ReadonlySet<number>): Promise<Set<string>> {
  const names = new Set<string>();
  const text = new TextDecoder();
  for (let index = 0; index < length; index++) {
    // No await for each of half a million texts.
    if (cursor.ready < 8 + LONGEST_NAME) await cursor.reach(8 + LONGEST_NAME);
    const bytes = cursor.u64();
    if (special.has(index)) {
      await cursor.reach(bytes);
      names.add(cursor.text(bytes));
    } else if (bytes > LONGEST_NAME) cursor.skip(bytes);
    else {
      const name = cursor.take(bytes);
      if (looksSpecial(name)) names.add(text.decode(name));
    }
  }
  names.delete("");
  return names;
}

const FIRST = Buffer.from("<[_");
const LAST = Buffer.from(">][");

/** Names such as `</s>`, `[EOT]`, `_<EOT>` and `[e~[`. */
function looksSpecial(name: DataView): boolean {
  const length = name.byteLength;
  return length > 2 && FIRST.includes(name.getUint8(0)) && LAST.includes(name.getUint8(length - 1));
}
