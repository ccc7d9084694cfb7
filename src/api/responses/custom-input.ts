// The text that a model writes for a custom tool, out of the JSON of its call: `{"input": "…"}`, which comes in pieces.

const OPENING = /^\s*\{\s*"input"\s*:\s*"/;
/** Characters that a string of JSON has as they are, and whole escapes. */
const WHOLE = /(?:[^"\\]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*/y;
/** Half of a pair of surrogates, whose other half is to come. */
const HALF = /\\u[dD][89abAB][0-9a-fA-F]{2}$/;

export interface CustomInput {
  /** What comes with these further characters of the JSON. */
  push(piece: string): string;
}

export function createCustomInput(): CustomInput {
  let json = "";
  let at: number | undefined;
  return {
    push(piece) {
      json += piece;
      at ??= OPENING.exec(json)?.[0].length;
      if (at === undefined) return "";
      WHOLE.lastIndex = at;
      const whole = WHOLE.exec(json)![0].replace(HALF, "");
      at += whole.length;
      // Another server may write control characters as they are.
      return JSON.parse(`"${whole.replace(/\p{Cc}/gu, escapeControl)}"`) as string;
    },
  };
}

const escapeControl = (character: string): string => JSON.stringify(character).slice(1, -1);
