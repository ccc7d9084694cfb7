// Values as JSON and as Python write them: templates in Jinja show their arguments as either.

/** Undefined where the text is neither. */
export function parseLiteral(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const reader = createLiteralReader(text);
    const value = reader.value();
    return reader.ended() ? value : undefined;
  }
}

const WORDS: Record<string, unknown> = { True: true, true: true, False: false, false: false, None: null, null: null };
const ESCAPES: Record<string, string> = { n: "\n", t: "\t", r: "\r", b: "\b", f: "\f", "\n": "" };
const CODED = /^(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/;
/** Deeper than any value that a model means. */
const DEEPEST = 200;

function createLiteralReader(text: string) {
  let at = 0;
  let broken = false;
  const skipSpace = (): void => {
    while (/\s/.test(text[at] ?? "")) at++;
  };
  const take = (character: string): boolean => {
    skipSpace();
    if (text[at] !== character) return false;
    at++;
    return true;
  };
  const fail = (): undefined => void (broken = true);

  function value(depth = 0): unknown {
    skipSpace();
    const first = text[at] ?? "";
    if (depth > DEEPEST) return fail();
    if (first === "{") return object(depth);
    if (first === "[" || first === "(") return list(depth, first === "[" ? "]" : ")");
    if (first === '"' || first === "'") return quoted(first);
    const word = /^[\w.+-]+/.exec(text.slice(at, at + 400))?.[0] ?? "";
    at += word.length;
    if (Object.hasOwn(WORDS, word)) return WORDS[word];
    return /^-?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(word) ? Number(word) : fail();
  }

  function object(depth: number): unknown {
    const entries: [string, unknown][] = [];
    for (take("{"); !take("}") && !broken;) {
      const key = value(depth + 1);
      if (!take(":")) fail();
      entries.push([String(key), value(depth + 1)]);
      if (!take(",") && text[at] !== "}") fail();
    }
    return Object.fromEntries(entries);
  }

  function list(depth: number, end: string): unknown {
    const items: unknown[] = [];
    for (at++; !take(end) && !broken;) {
      items.push(value(depth + 1));
      if (!take(",") && text[at] !== end) fail();
    }
    return items;
  }

  function quoted(quote: string): unknown {
    let read = "";
    for (at++; at < text.length; at++) {
      if (text[at] === quote) return (at++, read);
      if (text[at] !== "\\") {
        read += text[at];
        continue;
      }
      at++;
      const coded = CODED.exec(text.slice(at, at + 9));
      const point = coded === null ? undefined : Number.parseInt(coded[1] ?? coded[2] ?? coded[3]!, 16);
      if (coded !== null && point! <= 0x10ffff) {
        at += coded[0].length - 1;
        // Halves of a pair stand for one character together.
        read += point! > 0xffff ? String.fromCodePoint(point!) : String.fromCharCode(point!);
      } else read += ESCAPES[text[at] ?? ""] ?? text[at] ?? "";
    }
    return fail();
  }

  return {
    value,
    ended() {
      skipSpace();
      return !broken && at === text.length;
    },
  };
}
