// Logprobs in the shape of completions: lists beside each other, and the place of each token in the text.
import type { ScoredToken } from "../../../adapters/adapter.ts";

export interface CompletionLogprobs {
  tokens: string[];
  token_logprobs: (number | null)[];
  top_logprobs: (Record<string, number> | null)[];
  /** In characters, as Python counts them. */
  text_offset: number[];
}

type Token = Omit<ScoredToken, "top_logprobs"> & { top_logprobs?: Omit<ScoredToken, "top_logprobs">[] };

export type LogprobWriter = ReturnType<typeof createLogprobWriter>;

/** For one choice, of which the pieces come in their order. */
export function createLogprobWriter() {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  /** Characters of the pieces before. */
  let written = 0;

  /** What the text has of a token; of a part of a character nothing, until its last one comes. */
  const shownOf = ({ token, bytes }: Token, rest: string): string => {
    const said = bytes === null ? token : decoder.decode(Uint8Array.from(bytes), { stream: true });
    if (rest.startsWith(said)) return said;
    // A vocabulary may put a space before a text.
    const bare = said.replace(/^ /, "");
    return rest.startsWith(bare) ? bare : "";
  };

  return {
    /** A piece of the text with its tokens. */
    write(text: string, tokens: readonly Token[]): CompletionLogprobs {
      const lists: CompletionLogprobs = { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] };
      let [at, rest] = [written, text];
      for (const token of tokens) {
        lists.tokens.push(nameOf(token));
        lists.token_logprobs.push(token.logprob);
        lists.top_logprobs.push(topOf(token));
        lists.text_offset.push(at);
        const shown = shownOf(token, rest);
        rest = rest.slice(shown.length);
        at += lengthOf(shown);
      }
      written += lengthOf(text);
      return lists;
    },
  };
}

/** The rivals by their texts, and the token itself, as OpenAI has it. */
function topOf(token: Token): Record<string, number> | null {
  if (token.logprob === null) return null;
  const rivals = (token.top_logprobs ?? []).map((rival): [string, number] => [nameOf(rival), rival.logprob!]);
  return { ...Object.fromEntries(rivals), [nameOf(token)]: token.logprob };
}

/** A part of a character is written as its bytes, as OpenAI does. */
function nameOf({ token, bytes }: Pick<Token, "token" | "bytes">): string {
  if (bytes === null || !token.includes("\ufffd")) return token;
  return `bytes:${bytes.map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("")}`;
}

function lengthOf(text: string): number {
  let length = 0;
  for (const _ of text) length++;
  return length;
}
