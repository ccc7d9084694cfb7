// Any string as a file name, and back. A client's id becomes part of a path only through here.
import { createHash } from "node:crypto";

const LONGEST = 120;

// No escape begins with `_s`: a name that ends so is none of a shorter string.
const HASHED = /^.{54}_s[0-9a-f]{64}$/;

// Windows opens devices under these names, with any extension: `con.json` is the console.
const DEVICE = /^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?=\.|$)/;

/**
 * The string as a file name of lower-case ASCII letters, digits, `-`, `.` and `_`, at most 120 bytes: safe on file systems that
 * ignore case, and on Windows. Different strings have different names; where one would be longer, it is cut and has the string's sha256.
 *
 * Everything else becomes `_` and two hexadecimal digits, or `_u` and four, one for each UTF-16 unit: not UTF-8, in which
 * unpaired surrogates would all be the same character.
 */
export function encodeKey(id: string): string {
  const name = escapedName(id);
  // In UTF-16: all unpaired surrogates are one character of UTF-8.
  return name.length <= LONGEST ? name : `${name.slice(0, 54)}_s${createHash("sha256").update(id, "utf16le").digest("hex")}`;
}

/** Whether the name has a sha256 in place of the string: what is stored under it says of which. */
export function isHashedKey(name: string): boolean {
  return HASHED.test(name) && isSafeName(name);
}

/** Whether `encodeKey` may have given the name. */
export function isKey(name: string): boolean {
  return isHashedKey(name) || decodeKey(name) !== undefined;
}

/** The string that has this name; undefined for one that `encodeKey` never gives, or that has a sha256 in its place. */
export function decodeKey(name: string): string | undefined {
  const id =
    name === "_"
      ? ""
      : name.replace(/_u([0-9a-f]{4})|_([0-9a-f]{2})/g, (_, four, two) => String.fromCharCode(parseInt(four ?? two, 16)));
  return name.length <= LONGEST && escapedName(id) === name ? id : undefined;
}

function escapedName(id: string): string {
  const name = id
    .replace(/[^a-z0-9.-]/g, escaped)
    .replace(/^\./, escaped) // hidden, and `.`, `..`, `.git`
    .replace(/\.$/, escaped) // dropped by Windows
    .replace(DEVICE, (device) => escaped(device) + device.slice(1));
  return name || "_"; // a lone `_` escapes nothing, so it is free to stand for the empty string
}

/** The first UTF-16 unit of the text, escaped. */
function escaped(text: string): string {
  const unit = text.charCodeAt(0);
  return unit < 0x100 ? `_${unit.toString(16).padStart(2, "0")}` : `_u${unit.toString(16).padStart(4, "0")}`;
}

/** Whether a name stands for itself on every file system: what `encodeKey` gives, and ids of our own. */
export function isSafeName(name: string): boolean {
  return name.length > 0 && name.length <= LONGEST && /^(?!\.)[a-z0-9._-]+(?<!\.)$/.test(name) && !DEVICE.test(name);
}
