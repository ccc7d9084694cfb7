// What a client sends may end in a terminal, which would obey some characters, and show others in an order that they were not written in.

/** Controls, line and paragraph separators, and what turns the direction of writing. */
const INVISIBLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;
const ALL_INVISIBLE = new RegExp(INVISIBLE, "gu");

/** Told much sooner. */
const PLAIN = /^[ -~]*$/;

/** Each such character as JSON writes it, such as `\u001b`: within a string of JSON it stays the same. */
export function escapeInvisible(text: string): string {
  if (PLAIN.test(text) || !INVISIBLE.test(text)) return text;
  return text.replace(ALL_INVISIBLE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
