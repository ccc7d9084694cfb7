// The vocabulary of a model without its weights: names of its special tokens, and texts as tokens.
import { createSpecialNames, type SpecialName, type SpecialNames } from "./special-names.ts";
import { createTokenBytes } from "../shared/token-bytes.ts";
import { looksSpecial } from "../shared/special-tokens.ts";
import type { GgufHeader } from "../../models/gguf/header.ts";
import { readSpecialTokens, readTokenText } from "../../models/gguf/special-tokens.ts";
import type { NativeAddon, NativeVocabulary } from "./native.ts";
import type { FillInTokens } from "../prompts.ts";
import type { SequenceTokens } from "./template.ts";

export interface Vocabulary extends SequenceTokens {
  names: SpecialNames;
  /** Names of the tokens that end an answer, as far as they are known. */
  ends: readonly string[];
  /** Bytes. */
  longest_token: number;
  /** Absent where the library at hand does not know this vocabulary. */
  tokenizer?: Tokenizer;
}

export interface Tokenizer {
  native: NativeVocabulary;
  /** Characters that may be tokenized at once. */
  longest_text: number;
  /** The token that each sequence begins with, where there is one. */
  start: number | undefined;
  /** The token that each sequence ends with, of models that want one. */
  end: number | undefined;
  fill_in: FillInTokens | undefined;
  /** What a token stands for, of a special one its name. */
  bytesOf(token: number): Uint8Array;
  /** What stands between two texts, and what ends one, where the vocabulary has them. */
  separator: number | undefined;
  eos: number | undefined;
  /** It cuts texts at white space first, as BERT's. */
  splits_words: boolean;
  /** A text that begins a sequence, or follows a special token; names of special tokens become these, unless `special` is false. */
  tokenize(text: string, special?: boolean): Uint32Array;
  /** A text in the middle of another one. */
  tokenizeRest(text: string, special?: boolean): Uint32Array;
}

// Bits of `llama_token_attr`, and values of `llama_vocab_type`.
const [UNKNOWN, CONTROL, USER_DEFINED, STRIPS_LEFT] = [1, 8, 16, 128] as const;
const [SENTENCE_PIECE, WORD_PIECE] = [1, 3] as const;

/** Where the vocabulary is not known: no model has longer ones. */
const LONGEST_TOKEN = 1_024;

/** `header`: that of the file. Throws what the disk throws. */
export async function openVocabulary(path: string, header: GgufHeader, addon: NativeAddon | undefined): Promise<Vocabulary> {
  const native = addon && (await loadNative(addon, path));
  if (native !== undefined) return readVocabulary(native, header.vocab_size ?? 0);
  const names = [...(await readSpecialTokens(path))].map((name) => [name, { steers: true, strips_left: false }] as const);
  const textOf = async (token: number | undefined): Promise<string> => (token === undefined ? "" : readTokenText(path, token));
  return {
    ...{ names: createSpecialNames(new Map(names)), ends: [], longest_token: LONGEST_TOKEN },
    ...{ bos: await textOf(header.bos_token), eos: await textOf(header.eos_token) },
  };
}

async function loadNative(addon: NativeAddon, path: string): Promise<NativeVocabulary | undefined> {
  const native = new addon.AddonModel(path, { addonExports: addon, vocabOnly: true, gpuLayers: 0, useMmap: true });
  // The library throws, or answers false, for a file that it cannot read; the load of the engine says why.
  return (await native.init().catch(() => false)) ? native : undefined;
}

function readVocabulary(native: NativeVocabulary, size: number): Vocabulary {
  const names = new Map<string, SpecialName>();
  const ends: string[] = [];
  let longest_token = 1;
  for (let token = 0; token < size; token++) {
    const name = native.getTokenString(token) ?? "";
    longest_token = Math.max(longest_token, Buffer.byteLength(name));
    const attributes = native.getTokenAttributes(token);
    if (name === "" || (attributes & (UNKNOWN | CONTROL | USER_DEFINED)) === 0) continue;
    if (native.isEogToken(token)) ends.push(name);
    // Names of a user's definition are found in plain text as well.
    const steers = (attributes & USER_DEFINED) === 0 || native.isEogToken(token) || looksSpecial(name);
    names.set(name, { steers, strips_left: (attributes & STRIPS_LEFT) !== 0 });
  }
  const textOf = (token: number): string => (token < 0 ? "" : native.detokenize(Uint32Array.of(token), true));
  return {
    ...{ names: createSpecialNames(names), ends, longest_token },
    ...{ bos: textOf(native.tokenBos()), eos: textOf(native.tokenEos()) },
    tokenizer: createTokenizer(native),
  };
}

// llama.cpp's time for SentencePiece grows with the square of the characters that have no token of their own; elsewhere a long word is what
// takes long. SentencePiece puts a space before a text. Behind a character that is part of no other token, the text has none.
const MARK = "\u0001";

function createTokenizer(native: NativeVocabulary): Tokenizer {
  const tokenize = (text: string, special = true): Uint32Array => native.tokenize(text, special);
  const kind = native.getVocabularyType();
  const marks = kind === SENTENCE_PIECE ? tokenize(MARK) : new Uint32Array();
  const start = native.shouldPrependBosToken() ? tokenOrNone(native.tokenBos()) : undefined;
  return {
    bytesOf: createTokenBytes(native, (token) => native.detokenize(Uint32Array.of(token), true)),
    ...{ native, start, fill_in: fillInTokens(native, start), tokenize, longest_text: kind === SENTENCE_PIECE ? 2_048 : 32_768 },
    ...{ separator: tokenOrNone(native.sepToken()), eos: tokenOrNone(native.tokenEos()), splits_words: kind === WORD_PIECE },
    end:
      kind === WORD_PIECE
        ? tokenOrNone(native.sepToken())
        : native.shouldAppendEosToken()
          ? tokenOrNone(native.tokenEos())
          : undefined,
    tokenizeRest(text, special = true) {
      const tokens = tokenize(text === "" ? text : marks.length > 0 ? MARK + text : text, special);
      return marks.every((mark, at) => tokens[at] === mark) ? tokens.subarray(marks.length) : tokenize(text, special);
    },
  };
}

function fillInTokens(native: NativeVocabulary, start: number | undefined): FillInTokens | undefined {
  const [prefix, suffix, middle] = [native.prefixToken(), native.suffixToken(), native.middleToken()];
  return Math.min(prefix, suffix, middle) < 0 ? undefined : { start, prefix, suffix, middle };
}

function tokenOrNone(token: number): number | undefined {
  return token < 0 ? undefined : token;
}
