// A value that begins as a list or an object does, where it may be a text as well.
import { readNested } from "./read-json.ts";
import { gather, SyntaxMismatch, takeOneOf, takeUntil, type TextSource, type Waiting } from "./text-source.ts";

interface Taken {
  text: string;
  /** The one of the ends that has come. */
  end: string;
}

/**
 * All before one of the ends, and which it is. No text holds any of them, but a list may in texts of its own: where all before the first end is
 * none, and all up to the last bracket is one, the end behind that is meant. `isNested`: whether this is a list or an object.
 */
export function* takeNestedOrText(
  source: TextSource,
  ends: readonly string[],
  isNested: (text: string) => boolean,
): Waiting<Taken> {
  const as_text = createAttempt((copy) => takeUntil(copy, ends));
  const as_nested = createAttempt(function* (copy) {
    const text = yield* gather(readNested(copy));
    return { text, end: yield* takeOneOf(copy, ends) };
  });
  for (let length = 0; ;) {
    const more = source.text.slice(source.at + length);
    length += more.length;
    for (const attempt of [as_text, as_nested]) attempt.read(more, source.ended);
    const [text, nested] = [as_text.found(), as_nested.found()];
    const isDecided = text !== undefined && (isNested(text.text) || nested !== undefined || as_nested.hasFailed());
    if (isDecided || as_text.hasFailed()) {
      const isLonger = nested !== undefined && !(text !== undefined && isNested(text.text)) && isNested(nested.text);
      const found = isLonger ? nested : text;
      if (found === undefined) throw new SyntaxMismatch();
      source.at += found.text.length + found.end.length;
      return found;
    }
    yield undefined;
  }
}

/** A way to read a text whose pieces come. */
function createAttempt(take: (copy: TextSource) => Waiting<Taken>) {
  const copy: TextSource = { text: "", at: 0, ended: false };
  const reading = take(copy);
  let found: Taken | undefined;
  let failed = false;
  return {
    found: () => found,
    hasFailed: () => failed,
    read(more: string, ended: boolean): void {
      copy.text += more;
      copy.ended = ended;
      if (found !== undefined || failed) return;
      try {
        const { done, value } = reading.next();
        if (done) found = value;
      } catch (error) {
        if (!(error instanceof SyntaxMismatch)) throw error;
        failed = true;
      }
    },
  };
}
