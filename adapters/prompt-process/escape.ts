// Keeps special tokens that stand in the texts of a client text: a separator in the middle of each name keeps the tokenizer from seeing it.
import { AdapterError } from "../adapter.ts";
import type { SpecialNames } from "./special-names.ts";

export interface TextSeparator {
  /** Puts the separator into each name in a text. */
  escape(text: string): string;
  /** Cuts a rendered text where the separators are. */
  split(rendered: string): string[];
}

/** Looks for names in texts, one after the other, and finds a character that is in none of them. */
export function createTextScan(names: SpecialNames) {
  const used = new Set<number>();
  let found = false;
  return {
    look(text: string): string {
      for (let at = 0; at < text.length; at++) {
        const code = text.charCodeAt(at);
        if (code >= FIRST && code < FIRST + NONCHARACTERS) used.add(code);
        else if (!found) found = steers(names, text, at);
      }
      return text;
    },
    /** Undefined where no name was found. Throws `AdapterError` `messages_refused` where the texts hold all separators, too. */
    separator(): TextSeparator | undefined {
      if (!found) return undefined;
      const free = Array.from({ length: NONCHARACTERS }, (_, index) => FIRST + index).find((code) => !used.has(code));
      if (free !== undefined) return createSeparator(String.fromCharCode(free), names);
      const message =
        "A special token of the model stands in messages that hold U+FDD0 to U+FDEF, too. Leave these characters out.";
      throw new AdapterError("messages_refused", message);
    },
  };
}

// Unicode's noncharacters U+FDD0 to U+FDEF, which no text has a use for.
const FIRST = 0xfdd0;
const NONCHARACTERS = 32;

function createSeparator(separator: string, names: SpecialNames): TextSeparator {
  return {
    escape(text) {
      const pieces: string[] = [];
      let start = 0;
      for (let at = 0; at < text.length; at++) {
        if (!steers(names, text, at)) continue;
        const behind = at + (text.codePointAt(at)! > 0xffff ? 2 : 1);
        pieces.push(text.slice(start, behind));
        start = behind;
      }
      pieces.push(text.slice(start));
      return pieces.join(separator);
    },
    split: (rendered) => rendered.split(separator),
  };
}

/** A name of one character cannot be cut. */
function steers(names: SpecialNames, text: string, at: number): boolean {
  return names.at(text, at).some((name) => name.steers && name.length > 1);
}
