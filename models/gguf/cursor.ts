// A place in a file that moves forward only, over a window of bytes, so that a header is read without holding all of it.

/** What is wrong with a GGUF file, as a sentence for its user. */
export class GgufError extends Error {
  override readonly name = "GgufError";
}

/**
 * Gives `length` bytes from `at` on, or fewer where the file ends, none behind its end. The next `at` is never before this one,
 * and the next call may overwrite the bytes.
 */
export type ReadBytes = (at: number, length: number) => Promise<Uint8Array>;

/** Bytes. The largest headers, with 262,144 words and twice as many merges, have about 16 MB. */
export const LARGEST_HEADER = 48 * 1024 * 1024;
const FIRST_READ = 64 * 1024;
const LARGEST_READ = 4 * 1024 * 1024;
/** Bytes of the longest text that `findTexts` looks at. */
const LONGEST_FOUND = 64;

export type Cursor = ReturnType<typeof cursorOf>;

/**
 * Methods but `reach`, `skipTexts` and `findTexts` are synchronous, and throw `GgufError` where the window or the file ends.
 * `size`: bytes of the whole file, where they are known.
 */
export function cursorOf(read: ReadBytes, size?: number) {
  let window: DataView = new DataView(new ArrayBuffer(0));
  let start = 0;
  let at = 0;
  let end = Math.min(size ?? Infinity, LARGEST_HEADER);
  let next_read = FIRST_READ;

  const passed = (length: number): number => {
    if (length > LARGEST_HEADER) throw damageError(`something in its header is said to have ${length} bytes`);
    if (at + length > end) throw end === LARGEST_HEADER ? tooLargeError() : cutError(size);
    at += length;
    return at - length - start;
  };
  const taken = (length: number): number => {
    if (start + window.byteLength < at + length) throw end === LARGEST_HEADER ? tooLargeError() : cutError(size);
    return passed(length);
  };
  // Plain bytes, since a vocabulary has half a million texts, and a hostile one 8 million.
  const skim = (count: number): number => {
    const bytes = new Uint8Array(window.buffer, window.byteOffset, window.byteLength);
    const last = bytes.length - 8;
    let place = at - start;
    let done = 0;
    for (; done < count && place <= last; done++) {
      // No text has 16 MiB or more, so that the upper five bytes are 0.
      if (bytes[place + 3]! | bytes[place + 4]! | bytes[place + 5]! | bytes[place + 6]! | bytes[place + 7]!) break;
      place += 8 + (bytes[place]! | (bytes[place + 1]! << 8) | (bytes[place + 2]! << 16));
    }
    passed(start + place - at);
    if (done < count && place <= last) throw damageError(`a text in its header is said to have ${cursor.u64()} bytes`);
    return done;
  };
  const cursor = {
    get at(): number {
      return at;
    },
    /** Bytes that are in the window; negative after a skip out of it. */
    get ready(): number {
      return start + window.byteLength - at;
    },
    /** Gets `length` bytes into the window, or all that are left. */
    async reach(length: number): Promise<void> {
      if (cursor.ready >= length || start + window.byteLength >= end) return;
      const most = Math.min(Math.max(length, next_read), end - at);
      next_read = Math.min(2 * next_read, LARGEST_READ);
      const bytes = (await read(at, most)).subarray(0, most);
      window = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      start = at;
      if (bytes.length < most) end = at + bytes.length;
    },
    u32: (): number => window.getUint32(taken(4), true),
    /** Inexact above 2^53, where it is above every limit as well. */
    u64(): number {
      const place = taken(8);
      return window.getUint32(place + 4, true) * 2 ** 32 + window.getUint32(place, true);
    },
    take(length: number): DataView {
      const place = taken(length);
      return new DataView(window.buffer, window.byteOffset + place, length);
    },
    text: (length: number): string => new TextDecoder().decode(cursor.take(length)),
    /** Passes over bytes without reading them. */
    skip: (length: number): void => void passed(length),
    /** Passes over texts, each behind its length in 64 bits. */
    async skipTexts(count: number): Promise<void> {
      for (let left = count; left > 0; left -= skim(left)) {
        await cursor.reach(8);
        if (cursor.ready < 8) taken(8);
      }
    },
    /** Passes over texts, and answers with those of them that are among `names`, which begin with "<" or "\u2581". */
    async findTexts(count: number, names: ReadonlySet<string>): Promise<Set<string>> {
      const found = new Set<string>();
      for (let left = count; left > 0; left--) {
        // No await for each of half a million texts.
        if (cursor.ready < 8 + LONGEST_FOUND) await cursor.reach(8 + LONGEST_FOUND);
        const length = cursor.u64();
        const first = length > 0 && length <= LONGEST_FOUND && cursor.ready > 0 ? window.getUint8(at - start) : 0;
        if (first !== LESS_THAN && first !== OF_WORD_START) cursor.skip(length);
        else {
          const text = cursor.text(length);
          if (names.has(text)) found.add(text);
        }
      }
      return found;
    },
  };
  return cursor;
}

/** The first bytes of "<" and of "\u2581". */
const [LESS_THAN, OF_WORD_START] = [0x3c, 0xe2];

/** `what` completes the sentence. */
export function damageError(what: string): GgufError {
  return new GgufError(`The file is damaged: ${what}.`);
}

/** Quotes a text of the file for a message: short, and without control characters. */
export function quote(text: string): string {
  const short = text.length > 64 ? `${text.slice(0, 64)}…` : text;
  return `"${short.replaceAll(/[^\x20-\x7e…]/g, "?")}"`;
}

function cutError(size: number | undefined): GgufError {
  return new GgufError(`The file is cut: ${size === undefined ? "it" : `it has ${size} bytes and`} ends within its header.`);
}

function tooLargeError(): GgufError {
  return damageError(`its header goes on after ${LARGEST_HEADER} bytes, which is more than any model needs`);
}
