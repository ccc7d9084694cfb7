// Values in Gemma 4's notation: keys without quotes, and a token around texts.
import { parseLiteral } from "./literal.ts";
import {
  peekOneOf,
  type TextReading,
  readText,
  takeAll,
  takeOneOf,
  takeUntil,
  type TextSource,
  type Waiting,
} from "./text-source.ts";

export function* readBareValue(source: TextSource, quote: string): TextReading {
  yield* takeAll(source, /\s/);
  const begin = yield* takeOneOf(source, [quote, "{", "[", ""]);
  if (begin === quote) yield* readText(source, [quote]);
  else if (begin === "") yield scalar(yield* takeAll(source, /[^,}\]]/));
  else yield* readItems(source, quote, begin);
}

function* readItems(source: TextSource, quote: string, begin: string): TextReading {
  const end = begin === "{" ? "}" : "]";
  yield begin;
  yield* takeAll(source, /\s/);
  if ((yield* peekOneOf(source, [end])) === "") {
    for (let separator = ""; separator !== end;) {
      yield separator;
      if (begin === "{") yield `${JSON.stringify(yield* takeKey(source, quote))}:`;
      yield* readBareValue(source, quote);
      yield* takeAll(source, /\s/);
      separator = yield* takeOneOf(source, [",", end]);
    }
  } else source.at += end.length;
  yield end;
}

function* takeKey(source: TextSource, quote: string): Waiting<string> {
  yield* takeAll(source, /\s/);
  const quoted = (yield* takeOneOf(source, [quote, ""])) !== "";
  const { text } = yield* takeUntil(source, [quoted ? quote : ":"]);
  if (quoted) yield* takeUntil(source, [":"]);
  return text;
}

/** Nothing at all is how null is written. */
function scalar(text: string): string {
  const word = text.trim();
  const value = word === "" ? null : parseLiteral(word);
  return JSON.stringify(value === undefined ? word : value);
}
