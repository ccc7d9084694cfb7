// Text that should be one JSON object, from files that were cut, glued together or written over.
import { isNestedDeeper, isObject, type JsonObject } from "../support/json.ts";

/** The value where it is a string with something in it. */
export const nonEmptyString = (value: unknown): string | undefined =>
  typeof value === "string" && value.trim() !== "" ? value : undefined;

/** The value where it is an object, else an empty one. */
export const asObject = (value: unknown): JsonObject => (isObject(value) ? value : {});

/** The value where it is an array, else an empty one. */
export const asArray = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

/** What is nested deeper than any honest record would let the code that walks it run out of stack. */
export const DEEPEST = 32;

export interface Documents {
  values: JsonObject[];
  /** A sentence about what of the text could not be read. */
  fault?: string;
}

/** The objects in a text. What can be read of a damaged text is there beside the `fault`. */
export function parseDocuments(text: string): Documents {
  // A power cut leaves NUL bytes in place of what was not on the disk yet.
  const { values, rest } = parseGlued(text.replaceAll("\0", "").trim());
  const found = rest === "" ? values : [...values, ...parseTailOfCut(rest)];
  const flat = found.filter((value) => !isNestedDeeper(value, DEEPEST));
  if (rest !== "") return { values: flat, fault: "It is not a JSON object, or only in part: it may have been cut." };
  return flat.length === found.length ? { values } : { values: flat, fault: `It is nested deeper than ${DEEPEST} levels.` };
}

/** More small ones than this would take far more memory than their text. */
const MOST_GLUED = 100_000;

/** The objects with which a text begins, one after the other, and what follows them. */
function parseGlued(text: string): { values: JsonObject[]; rest: string } {
  const whole = parseObject(text);
  if (whole !== undefined) return { values: [whole], rest: "" };
  const values: JsonObject[] = [];
  let at = 0;
  while (values.length < MOST_GLUED) {
    const end = findEnd(text, at);
    const value = end === undefined ? undefined : parseObject(text.slice(at, end));
    if (value === undefined) break;
    values.push(value);
    for (at = end!; at < text.length && text[at]!.trim() === "";) at++;
  }
  return { values, rest: text.slice(at) };
}

/** Undefined for what is not an object, or not JSON. */
function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Behind the object that begins at `from`; undefined where none does, or where it does not end. */
function findEnd(text: string, from: number): number | undefined {
  if (text[from] !== "{") return undefined;
  let [depth, in_string] = [0, false];
  for (let at = from; at < text.length; at++) {
    const char = text[at];
    if (in_string) {
      if (char === "\\") at++;
      else if (char === '"') in_string = false;
    } else if (char === '"') in_string = true;
    else if (char === "{") depth++;
    else if (char === "}" && --depth === 0) return at + 1;
  }
  return undefined;
}

const LONGEST_MENDED = 2 ** 20;
const MOST_TRIES = 50;

/** A writer died within an object, and the next one has appended to what it left: the last objects of the text, if they are whole. */
function parseTailOfCut(text: string): JsonObject[] {
  if (text.length > LONGEST_MENDED) return [];
  let tries = 0;
  for (const { index } of text.matchAll(/\{\s*"/g)) {
    if (++tries > MOST_TRIES) break;
    const { values, rest } = parseGlued(text.slice(index));
    if (rest === "") return values;
  }
  return [];
}
