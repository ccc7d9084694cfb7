// JSON of megabytes, parsed in pieces between which others are answered: half a million short strings, or as many names of properties,
// hold the parser for most of a second (`bench:bodies`, rows `distinct`).
import { stringEnd } from "./json-shape.ts";
import { giveWay } from "./give-way.ts";

/** Characters that are parsed at once, as most bodies are. */
const SMALL = 64 * 1024;
/** Characters; the dearest piece takes some 5 ms. */
const PIECE = 16 * 1024;
const BLANK = /^[ \t\n\r]*$/;
const COMMA = /^[ \t\n\r]*,/;

type Container = unknown[] | Record<string, unknown>;

/** A bracket that is open, and the place of the string before it: in an object, that is its name. */
interface Opened {
  is_array: boolean;
  name: [from: number, to: number];
}

/** What `JSON.parse` answers or throws. */
export async function parseJsonInPieces(text: string): Promise<unknown> {
  if (text.length <= SMALL) return JSON.parse(text) as unknown;
  const root: unknown[] = [];
  /** Containers that are made and not yet full. */
  const made: Container[] = [root];
  /** Brackets that were opened since the last cut. */
  const opened: Opened[] = [];
  let from = 0;
  /** What stands before the cut. */
  let before: "nothing" | "comma" | "value" = "nothing";
  let name: Opened["name"] = [0, 0];
  let rested = 0;

  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (char === 34 /* " */) {
      const end = stringEnd(text, at);
      name = [at, end + 1];
      at = end;
    } else if (char === 91 /* [ */ || char === 123 /* { */) {
      opened.push({ is_array: char === 91, name });
    } else if (char === 93 /* ] */ || char === 125 /* } */) {
      if (opened.pop() === undefined) close(at, char === 93);
    } else if (char === 44 /* , */ && at - from >= PIECE) {
      cut(at);
    }
    if (at - rested < PIECE) continue;
    rested = at;
    await giveWay();
  }
  take(text.length);
  if (made.length > 1 || root.length !== 1) throw new SyntaxError("The text is not one JSON value.");
  return root[0];

  /** At a comma: all before it is taken, also what is half of something. */
  function cut(at: number): void {
    take(at);
    for (const { is_array, name } of opened.splice(0)) {
      const last = made.at(-1)!;
      const child = Array.isArray(last) ? last.at(-1) : last[JSON.parse(text.slice(...name)) as string];
      if (Array.isArray(child) !== is_array) throw new SyntaxError("A bracket does not follow its name.");
      made.push(child as Container);
    }
    before = "comma";
    from = at + 1;
  }

  /** At the bracket that ends the last of what is made. */
  function close(at: number, is_array: boolean): void {
    take(at);
    if (made.length === 1 || Array.isArray(made.pop()) !== is_array) throw new SyntaxError("A bracket closes nothing.");
    before = "value";
    from = at + 1;
  }

  /** Puts what stands between the cut and `to` into the last of what is made. */
  function take(to: number): void {
    let piece = text.slice(from, to);
    if (BLANK.test(piece)) {
      if (before === "comma") throw new SyntaxError("Nothing follows a comma.");
      return;
    }
    if (before === "value") {
      if (!COMMA.test(piece)) throw new SyntaxError("No comma follows a value.");
      piece = piece.replace(COMMA, "");
      if (BLANK.test(piece)) throw new SyntaxError("Nothing follows a comma.");
    }
    for (const { is_array } of opened.toReversed()) piece += is_array ? "]" : "}";
    const last = made.at(-1)!;
    if (Array.isArray(last)) for (const item of JSON.parse(`[${piece}]`) as unknown[]) last.push(item);
    else for (const [key, item] of Object.entries(JSON.parse(`{${piece}}`) as object)) setOwn(last, key, item);
  }
}

/** As the parser does it: this name is that of the prototype only where it is assigned to. */
function setOwn(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== "__proto__") target[key] = value;
  else Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
}
