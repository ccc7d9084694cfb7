// What the vocabulary of a loaded model says of its tokens, read when a request first needs it.
import { LRUCache } from "lru-cache";
import { createTokenBytes } from "../shared/token-bytes.ts";
import type { AddonModel } from "./addon.ts";

export interface TokenPiece {
  text: string;
  bytes: number[];
}

export type EmbeddedVocabulary = ReturnType<typeof createVocabulary>;

// Bits of `llama_token_attr`.
const [UNKNOWN, CONTROL] = [1, 8] as const;

/** `size`: of its tokens. `detokenize`: the native call, with special tokens. */
export function createVocabulary(native: AddonModel, size: number, detokenize: (token: number) => string) {
  const bytesOf = createTokenBytes(native, detokenize);
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const pieces = new LRUCache<number, TokenPiece>({ max: 4_096 });
  let special: { ends: readonly number[]; hidden: ReadonlyMap<number, string> } | undefined;

  /** Takes some 20 ms for 50,000 tokens. */
  const readSpecial = () => {
    const [ends, hidden]: [number[], Map<number, string>] = [[], new Map()];
    for (let token = 0; token < size; token++) {
      if (native.isEogToken(token)) ends.push(token);
      else if ((native.getTokenAttributes(token) & (UNKNOWN | CONTROL)) !== 0) hidden.set(token, native.getTokenString(token));
    }
    return { ends, hidden };
  };

  return {
    size,
    bytesOf,
    /** Whether a text shows nothing of it unless that is asked for, or it ends an answer. */
    isSpecial: (token: number): boolean =>
      native.isEogToken(token) || (native.getTokenAttributes(token) & (UNKNOWN | CONTROL)) !== 0,
    isEnd: (token: number): boolean => native.isEogToken(token),
    /** The tokens that end an answer. */
    ends: (): readonly number[] => (special ??= readSpecial()).ends,
    /** Those that a text shows nothing of, unless that is asked for, with their names; none that ends an answer. */
    hidden: (): ReadonlyMap<number, string> => (special ??= readSpecial()).hidden,
    /** What the token stands for, of a special one its name. The bytes need not make whole characters. */
    piece(token: number): TokenPiece {
      const known = pieces.get(token);
      if (known !== undefined) return known;
      const bytes = bytesOf(token);
      const piece = { text: decoder.decode(bytes), bytes: [...bytes] };
      pieces.set(token, piece);
      return piece;
    },
  };
}
