// What the vocabulary of a loaded model says of its tokens, read when a request first needs it.
import { LRUCache } from "lru-cache";
import type { AddonModel } from "./addon.ts";

export interface TokenPiece {
  text: string;
  bytes: number[];
}

export type EmbeddedVocabulary = ReturnType<typeof createVocabulary>;

// Bits of `llama_token_attr`.
const [UNKNOWN, CONTROL, USER_DEFINED, BYTE] = [1, 8, 16, 32] as const;
// Values of `llama_vocab_type`.
const [BYTE_PAIRS, LATER_KINDS] = [2, 5] as const;

/** `size`: of its tokens. `detokenize`: the native call, with special tokens. */
export function createVocabulary(native: AddonModel, size: number, detokenize: (token: number) => string) {
  const kind = native.getVocabularyType();
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

  /** What the token stands for, of a special one its name. */
  function bytesOf(token: number): Uint8Array {
    const text = native.getTokenString(token);
    const attributes = native.getTokenAttributes(token);
    if ((attributes & (UNKNOWN | CONTROL | USER_DEFINED)) !== 0) return Buffer.from(text);
    const byte = (attributes & BYTE) !== 0 && /^<0x([0-9A-F]{2})>$/i.exec(text);
    if (byte) return Uint8Array.of(Number.parseInt(byte[1]!, 16));
    if (kind >= LATER_KINDS) return Buffer.from(detokenize(token));
    return (kind === BYTE_PAIRS ? bytesOfPairs(text) : undefined) ?? Buffer.from(text.replaceAll("\u2581", " "));
  }
}

/** Undefined where the text is written otherwise. */
function bytesOfPairs(text: string): Uint8Array | undefined {
  const bytes: number[] = [];
  for (const character of text) {
    const byte = BYTES.get(character);
    if (byte === undefined) return undefined;
    bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}

/** Bytes that stand for themselves. */
const PRINTABLE = 188;

/**
 * GPT-2's alphabet of bytes: those that Latin-1 prints stand for themselves, the others for the characters from U+0100 on, in their order
 * (`bytes_to_unicode` of https://github.com/openai/gpt-2/blob/master/src/encoder.py).
 */
const BYTES: ReadonlyMap<string, number> = new Map(
  Array.from({ length: 256 }, (_, byte) => byte)
    .sort((a, b) => Number(!isPrintable(a)) - Number(!isPrintable(b)) || a - b)
    .map((byte, place) => [String.fromCodePoint(isPrintable(byte) ? byte : 256 + place - PRINTABLE), byte]),
);

function isPrintable(byte: number): boolean {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad);
}
