// The keys and values of a GGUF's header. Texts that nothing uses are passed over: a vocabulary has half a million.
import { FILL_IN_NAMES } from "./fill-in-tokens.ts";
import { type Cursor, damageError, GgufError, LARGEST_HEADER, quote } from "./cursor.ts";

/**
 * A boolean is a number; a long array, or one of texts, is its length alone, with the names of `FILL_IN_NAMES` that are in a vocabulary; null is
 * a text that was passed over.
 */
export type MetadataValue = number | string | number[] | { length: number; found?: ReadonlySet<string> } | null;
export type Pairs = ReadonlyMap<string, MetadataValue>;

/** Bytes: real keys have up to 60. */
const LONGEST_KEY = 1_024;
/** Bytes; the largest texts are chat templates of about 30,000. */
const LONGEST_TEXT = 1024 * 1024;
/** An array that has one number for each layer is kept; llama.cpp allows 512 layers. */
export const MOST_LAYERS = 512;

const KEPT_TEXTS = new Set([
  "general.architecture",
  "general.type",
  "general.name",
  "general.license",
  "general.license.name",
  "general.size_label",
  "general.author",
  "general.organization",
  "tokenizer.chat_template",
  "tokenizer.chat_template.tool_use",
  "tokenizer.chat_template.rerank",
]);

const VOCABULARY = "tokenizer.ggml.tokens";

const TEXT = 8;
const ARRAY = 9;

/** Bytes of a value and how it is read, by its type's number. */
const NUMBERS: Record<number, [bytes: number, read: (view: DataView, at: number) => number]> = {
  0: [1, (view, at) => view.getUint8(at)],
  1: [1, (view, at) => view.getInt8(at)],
  2: [2, (view, at) => view.getUint16(at, true)],
  3: [2, (view, at) => view.getInt16(at, true)],
  4: [4, (view, at) => view.getUint32(at, true)],
  5: [4, (view, at) => view.getInt32(at, true)],
  6: [4, (view, at) => view.getFloat32(at, true)],
  7: [1, (view, at) => view.getUint8(at)],
  10: [8, (view, at) => Number(view.getBigUint64(at, true))],
  11: [8, (view, at) => Number(view.getBigInt64(at, true))],
  12: [8, (view, at) => view.getFloat64(at, true)],
};

export async function readPairs(cursor: Cursor, count: number): Promise<Pairs> {
  const pairs = new Map<string, MetadataValue>();
  for (let index = 0; index < count; index++) {
    const key = await readKey(cursor);
    if (pairs.has(key)) throw damageError(`its header has the key ${quote(key)} twice`);
    pairs.set(key, await readValue(cursor, key));
  }
  return pairs;
}

/** Finds one array among `count` pairs, whose items `read` reads next; undefined where there is none. */
export async function findArray<T>(
  cursor: Cursor,
  count: number,
  name: string,
  read: (cursor: Cursor, length: number) => Promise<T>,
): Promise<T | undefined> {
  for (let index = 0; index < count; index++) {
    const key = await readKey(cursor);
    if (key !== name) {
      await readValue(cursor, key);
      continue;
    }
    await cursor.reach(16);
    if (cursor.u32() !== ARRAY) throw damageError(`${quote(key)} is not an array`);
    cursor.u32(); // The type of its items, which the keys of a tokenizer have fixed.
    return read(cursor, cursor.u64());
  }
  return undefined;
}

async function readKey(cursor: Cursor): Promise<string> {
  await cursor.reach(8 + LONGEST_KEY);
  const length = cursor.u64();
  if (length === 0 || length > LONGEST_KEY) throw damageError(`a key of its header is said to have ${length} bytes`);
  return cursor.text(length);
}

async function readValue(cursor: Cursor, key: string): Promise<MetadataValue> {
  await cursor.reach(24);
  const type = cursor.u32();
  if (type === ARRAY) return readArray(cursor, key);
  if (type !== TEXT) return readNumbers(cursor, key, type, 1)[0]!;
  if (KEPT_TEXTS.has(key)) return readText(cursor, key);
  await cursor.skipTexts(1);
  return null;
}

async function readText(cursor: Cursor, key: string): Promise<string> {
  const length = cursor.u64();
  if (length > LARGEST_HEADER) throw damageError(`${quote(key)} is said to have ${length} bytes`);
  if (length > LONGEST_TEXT)
    throw new GgufError(`${quote(key)} in the file has ${length} bytes, and at most ${LONGEST_TEXT} are read.`);
  await cursor.reach(length);
  return cursor.text(length);
}

async function readArray(cursor: Cursor, key: string): Promise<MetadataValue> {
  const type = cursor.u32();
  const length = cursor.u64();
  if (type === TEXT) {
    if (key === VOCABULARY) return { length, found: await cursor.findTexts(length, FILL_IN_NAMES) };
    await cursor.skipTexts(length);
    return { length };
  }
  if (length > MOST_LAYERS) {
    cursor.skip(length * bytesOf(key, type));
    return { length };
  }
  await cursor.reach(length * bytesOf(key, type));
  return readNumbers(cursor, key, type, length);
}

function readNumbers(cursor: Cursor, key: string, type: number, length: number): number[] {
  const bytes = bytesOf(key, type);
  const view = cursor.take(length * bytes);
  return Array.from({ length }, (_, index) => NUMBERS[type]![1](view, index * bytes));
}

function bytesOf(key: string, type: number): number {
  const known = NUMBERS[type];
  if (known) return known[0];
  const fault = type === ARRAY ? "cannot be nested" : "does not exist";
  throw damageError(`the value of ${quote(key)} is of type ${type}, which ${fault}`);
}

/** Undefined where the key is missing. Throws `GgufError` where its value is of another kind, here and below. */
export function textOf(pairs: Pairs, key: string): string | undefined {
  const value = pairs.get(key);
  if (value === undefined || typeof value === "string") return value;
  throw damageError(`${quote(key)} is not text`);
}

export function numberOf(pairs: Pairs, key: string): number | undefined {
  const value = pairs.get(key);
  if (value === undefined || isCount(value)) return value;
  throw damageError(`${quote(key)} is not a whole number`);
}

/** One number for all layers, or one for each. */
export function numbersOf(pairs: Pairs, key: string): number | number[] | undefined {
  const value = pairs.get(key);
  if (!Array.isArray(value)) return numberOf(pairs, key);
  if (value.every(isCount)) return value;
  throw damageError(`${quote(key)} holds what is not a whole number`);
}

/** Items of an array, whether they were kept or not. */
export function lengthOf(pairs: Pairs, key: string): number | undefined {
  const value = pairs.get(key);
  if (value === undefined) return undefined;
  if (typeof value === "object" && value !== null) return value.length;
  throw damageError(`${quote(key)} is not an array`);
}

/** Names that were found in the vocabulary; empty where the file has none. */
export function namesFound(pairs: Pairs): ReadonlySet<string> {
  const value = pairs.get(VOCABULARY);
  return (typeof value === "object" && value !== null && "found" in value && value.found) || new Set();
}

function isCount(value: MetadataValue): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
