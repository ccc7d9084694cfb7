// A text that comes in pieces, for readers that stop where they need more of it and go on when that has come.

export interface TextSource {
  /** What has come, from somewhere before `at`. */
  text: string;
  /** What is before this place has been read. */
  at: number;
  /** Nothing more comes. */
  ended: boolean;
}

/** Yields undefined where it needs more of the text: `at` and `text` have changed when it goes on. */
export type Waiting<Value> = Generator<undefined, Value, void>;

/** Yields what it has read out as well. */
export type TextReading<Value = void> = Generator<string | undefined, Value, void>;

/** The text is not what the syntax says, or ends amid it. */
export class SyntaxMismatch extends Error {}

/** The longest of the texts that comes now. */
export function* takeOneOf(source: TextSource, texts: readonly string[]): Waiting<string> {
  for (;;) {
    const rest = source.text.slice(source.at);
    const found = texts.filter((text) => rest.startsWith(text)).toSorted((a, b) => b.length - a.length)[0];
    // A text that may still come is longer than all that has come.
    if (source.ended || !texts.some((text) => text.length > rest.length && text.startsWith(rest))) {
      if (found === undefined) throw new SyntaxMismatch();
      source.at += found.length;
      return found;
    }
    yield undefined;
  }
}

/** As many characters as the expression takes, one by one. */
export function* takeAll(source: TextSource, character: RegExp): Waiting<string> {
  let taken = "";
  for (;;) {
    for (; source.at < source.text.length; source.at++) {
      if (!character.test(source.text[source.at]!)) return taken;
      taken += source.text[source.at]!;
    }
    if (source.ended) return taken;
    yield undefined;
  }
}

/** Reads out all before the first of the ends, and answers with that end, which is read as well; of two at one place the longer one. */
export function* readUntil(source: TextSource, ends: readonly string[]): TextReading<string> {
  for (;;) {
    const rest = source.text.slice(source.at);
    const found = firstOf(rest, ends);
    const open = source.ended ? rest.length : beginOfEnd(rest, ends);
    if (found !== undefined && found.at < open) {
      source.at += found.at + found.end.length;
      if (found.at > 0) yield rest.slice(0, found.at);
      return found.end;
    }
    source.at += Math.min(open, found?.at ?? open);
    const read = rest.slice(0, Math.min(open, found?.at ?? open));
    if (read !== "") yield read;
    if (source.ended) throw new SyntaxMismatch();
    yield undefined;
  }
}

/** All before the first of the ends, and which it is. */
export function* takeUntil(source: TextSource, ends: readonly string[]): Waiting<{ text: string; end: string }> {
  let end = "";
  function* read(): TextReading {
    end = yield* readUntil(source, ends);
  }
  const text = yield* gather(read());
  return { text, end };
}

/** Reads out a JSON text of all before the first of the ends, and answers with that end, which is read as well. */
export function* readText(source: TextSource, ends: readonly string[]): TextReading<string> {
  yield '"';
  // Half of a character would be written as an escape of its own.
  let half = "";
  const reading = readUntil(source, ends);
  for (;;) {
    const { done, value } = reading.next();
    if (done) {
      yield `${JSON.stringify(half).slice(1, -1)}"`;
      return value;
    }
    const text = half + (value ?? "");
    half = value === undefined ? half : /[\uD800-\uDBFF]?$/.exec(text)![0];
    yield value === undefined ? undefined : JSON.stringify(text.slice(0, text.length - half.length)).slice(1, -1);
  }
}

/** All that is read out. */
export function* gather(reading: TextReading): Waiting<string> {
  let text = "";
  for (const read of reading) {
    if (read === undefined) yield undefined;
    else text += read;
  }
  return text;
}

/** The longest of the texts that comes now, which is not read; empty where none does. */
export function* peekOneOf(source: TextSource, texts: readonly string[]): Waiting<string> {
  const found = yield* takeOneOf(source, [...texts, ""]);
  source.at -= found.length;
  return found;
}

function firstOf(text: string, ends: readonly string[]): { at: number; end: string } | undefined {
  const found = ends.map((end) => ({ at: text.indexOf(end), end })).filter(({ at }) => at >= 0);
  return found.toSorted((a, b) => a.at - b.at || b.end.length - a.end.length)[0];
}

/** The place at which one of the ends begins that the text does not hold to its last character; the text's length where none does. */
function beginOfEnd(text: string, ends: readonly string[]): number {
  const longest = Math.max(...ends.map((end) => end.length));
  for (let at = Math.max(0, text.length - longest + 1); at < text.length; at++) {
    if (ends.some((end) => end.length > text.length - at && end.startsWith(text.slice(at)))) return at;
  }
  return text.length;
}
