// Bounds what a JSON text is made of before the parser runs, which takes a server for as long as it takes: one pass, without recursion, in
// slices between which others are answered.
import { ApiError } from "./errors.ts";
import { giveWay } from "./give-way.ts";

const MAX_DEPTH = 64;
/** Properties of one object: OpenAI's widest one, `logit_bias`, stays far below. */
const MAX_PROPERTIES = 10_000;
/** Characters of a property's name. */
const MAX_NAME = 1024;
/** Objects, arrays, and what they hold, in a body of 10 MiB. */
export const MAX_VALUES = 500_000;
const TOO_DEEP = `The body is nested deeper than ${MAX_DEPTH} levels. Flatten it.`;
const TOO_WIDE = `An object of the body has more than ${MAX_PROPERTIES} properties, or a name longer than ${MAX_NAME} characters. Send less.`;

const LONGEST_FIELD = 64;
const FIELD = /^\w{1,64}$/;

/** Characters; about a millisecond. */
const SLICE = 128 * 1024;
/** The largest number of 64 bits has 309 digits. */
const LONGEST_NUMBER = 300;

/**
 * Throws 400 `too_deep`, `too_many_properties`, `too_many_items`, with the field of the body that is at fault. Answers whether a
 * number may be too large for 64 bits, which the parser takes for infinite. A text that is no JSON is left to the parser.
 */
export async function checkShape(text: string, max_values = MAX_VALUES): Promise<boolean> {
  const shape = createShapeReader(text, max_values);
  while (!shape.read(SLICE)) await giveWay();
  return shape.mayHoldHugeNumber;
}

function createShapeReader(text: string, max_values: number) {
  const properties: number[] = [];
  let at = 0;
  /** The last string: where it begins, and its length. */
  let string = 0;
  let name = 0;
  /** The text of the name of the body's field that is read now. */
  let field = "";
  let values = 1;
  /** The last bracket, comma, colon or string: where a number may begin. */
  let mark = 0;
  let opened = false;
  let huge = false;

  const refuse = (message: string, code: string): never => {
    // In the outermost object no field is at fault alone.
    throw new ApiError(400, message, { code, param: properties.length > 1 && FIELD.test(field) ? field : null });
  };
  const countValue = (): void => {
    if (++values > max_values) refuse(`The body holds more than ${max_values} values. Send less at a time.`, "too_many_items");
  };
  /** At a character that may end a number. */
  const noteMark = (): void => {
    if (at - mark > LONGEST_NUMBER) huge ||= !Number.isFinite(Number(text.slice(mark + 1, at)));
    mark = at;
  };
  const step = (char: number): void => {
    if (char === 34 /* " */) {
      const end = stringEnd(text, at);
      string = at + 1;
      name = end - string;
      at = mark = end;
    } else if (char === 123 /* { */ || char === 91 /* [ */) {
      if (opened) countValue();
      if (properties.push(0) > MAX_DEPTH) refuse(TOO_DEEP, "too_deep");
      mark = at;
      opened = true;
      return;
    } else if (char === 125 /* } */ || char === 93 /* ] */) {
      properties.pop();
      noteMark();
      opened = false;
      return;
    } else if (char === 44 /* , */) {
      noteMark();
      countValue();
    } else if (char === 58 /* : */ && properties.length > 0) {
      mark = at;
      const count = ++properties[properties.length - 1]!;
      if (count > MAX_PROPERTIES || name > MAX_NAME) refuse(TOO_WIDE, "too_many_properties");
      if (properties.length === 1) field = text.slice(string, string + Math.min(name, LONGEST_FIELD + 1));
    } else if ((char === 101 || char === 69) /* e, E */ && !huge) {
      huge = isHugeAt(text, at);
    } else if (char <= 32) {
      return;
    }
    // The first thing in an object or an array is a value that no comma announces.
    if (opened) countValue();
    opened = false;
  };

  return {
    /** Goes on by about so many characters; true at the end of the text. */
    read(characters: number): boolean {
      const until = Math.min(text.length, at + characters);
      for (; at < until; at++) step(text.charCodeAt(at));
      return at >= text.length;
    },
    get mayHoldHugeNumber() {
      return huge;
    },
  };
}

const EXPONENT = /[eE][+-]?\d+/y;

/** Whether an exponent stands here that may make the number before it infinite. */
function isHugeAt(text: string, at: number): boolean {
  EXPONENT.lastIndex = at;
  return Number(EXPONENT.exec(text)?.[0].slice(1)) > 308 - LONGEST_NUMBER;
}

/** Index of the quote that ends the string which begins at `from`; the text's length when none does. */
export function stringEnd(text: string, from: number): number {
  for (let end = text.indexOf('"', from + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let slash = end - 1;
    while (text.charCodeAt(slash) === 92 /* \ */) slash--;
    if ((end - slash) % 2 === 1) return end;
  }
  return text.length;
}
