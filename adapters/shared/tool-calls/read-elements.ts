// Arguments as elements in elements: MiniMax M3's, each tag behind a mark.
import type { ExpectedValue } from "./expected-value.ts";
import { peekOneOf, type TextReading, takeOneOf, takeUntil, type TextSource } from "./text-source.ts";
import { typedValue } from "./typed-value.ts";

/** The name of the elements of a list. */
export const ITEM = "item";

export function* readElements(source: TextSource, mark: string, ends: readonly string[], expected: ExpectedValue): TextReading {
  yield "{";
  for (let separator = ""; (yield* peekOneOf(source, [`${mark}<`, ...ends])) === `${mark}<`; separator = ",") {
    source.at += mark.length + 1;
    const { text: key } = yield* takeUntil(source, [">"]);
    yield `${separator}${JSON.stringify(key)}:`;
    yield* readElement(source, mark, key, expected.property(key));
  }
  yield "}";
}

/** The content of an element and its end. */
function* readElement(source: TextSource, mark: string, tag: string, expected: ExpectedValue): TextReading {
  const end = `${mark}</${tag}>`;
  const { kinds } = expected;
  const nested = (yield* peekOneOf(source, [end, `${mark}<`])) === `${mark}<`;
  const list = nested ? (yield* peekOneOf(source, [`${mark}<${ITEM}>`])) !== "" && kinds.has("array") : isList(kinds);
  if (list) yield* readItems(source, mark, end, expected);
  else if (nested || isMap(kinds)) yield* readElements(source, mark, [end], expected);
  else {
    const { text } = yield* takeUntil(source, [end]);
    yield typedValue(text, expected);
    return;
  }
  yield* takeOneOf(source, [end]);
}

function* readItems(source: TextSource, mark: string, end: string, expected: ExpectedValue): TextReading {
  const begin = `${mark}<${ITEM}>`;
  yield "[";
  for (let index = 0; (yield* peekOneOf(source, [begin, end])) === begin; index++) {
    source.at += begin.length;
    if (index > 0) yield ",";
    yield* readElement(source, mark, ITEM, expected.item(index));
  }
  yield "]";
}

const isList = (kinds: ReadonlySet<string>): boolean => kinds.size === 1 && kinds.has("array");
const isMap = (kinds: ReadonlySet<string>): boolean => kinds.size === 1 && kinds.has("object");
