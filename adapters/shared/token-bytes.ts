// What tokens stand for, in bytes, as a vocabulary writes them.

const encoder = new TextEncoder();

/** The native calls of a model, of which the vocabulary may be all that is loaded. */
interface NativeTokens {
  /** As the file has it: bytes that are no text are written as characters that stand for them. */
  getTokenString(token: number): string | undefined;
  /** `llama_token_attr`, a set of bits. */
  getTokenAttributes(token: number): number;
  /** `llama_vocab_type`. */
  getVocabularyType(): number;
}

// Bits of `llama_token_attr`.
const [UNKNOWN, CONTROL, USER_DEFINED, BYTE] = [1, 8, 16, 32] as const;
// Values of `llama_vocab_type`.
const [BYTE_PAIRS, LATER_KINDS] = [2, 5] as const;

/** The function answers with what a token stands for, of a special one its name. `detokenize`: the native call, with special tokens. */
export function createTokenBytes(native: NativeTokens, detokenize: (token: number) => string) {
  const kind = native.getVocabularyType();
  return function bytesOf(token: number): Uint8Array {
    const text = native.getTokenString(token) ?? "";
    const attributes = native.getTokenAttributes(token);
    if ((attributes & (UNKNOWN | CONTROL | USER_DEFINED)) !== 0) return encoder.encode(text);
    const byte = (attributes & BYTE) !== 0 && /^<0x([0-9A-F]{2})>$/i.exec(text);
    if (byte) return Uint8Array.of(Number.parseInt(byte[1]!, 16));
    if (kind >= LATER_KINDS) return encoder.encode(detokenize(token));
    return (kind === BYTE_PAIRS ? bytesOfPairs(text) : undefined) ?? encoder.encode(text.replaceAll("\u2581", " "));
  };
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
