// A BERT as a GGUF file, of any weights: as llama.cpp's converter writes one.
import { array, floats, type GgufTensor, pair, text, u32, VALUE, writeGguf } from "../../models/gguf/writer.ts";

export interface EncoderShape {
  context_length: number;
  embedding_length: number;
  block_count: number;
  feed_forward_length: number;
  head_count: number;
  layer_norm_epsilon: number;
}

export interface Encoder {
  name: string;
  shape: EncoderShape;
  /** As `vocab.txt` of BERT has it: special tokens in brackets, and "##" before what goes on with a word. */
  words: readonly string[];
  /** As `enum llama_pooling_type` numbers it; absent: the file names none. */
  pooling?: number | undefined;
  /** By their names in the file; F32 or F16 as they say. */
  tensors: readonly GgufTensor[];
}

const BOOL = 7;

export function encoderGguf({ name, shape, words, pooling, tensors }: Encoder): Uint8Array<ArrayBuffer> {
  const number = (key: string, value: number): Uint8Array => pair(key, VALUE.u32, u32(value));
  const { layer_norm_epsilon, head_count, ...lengths } = shape;
  // As llama.cpp numbers them: control, normal.
  const types = words.map((word) => (isSpecial(word) ? 3 : 1));
  const special = { bos: "[CLS]", seperator: "[SEP]", unknown: "[UNK]", padding: "[PAD]", mask: "[MASK]", cls: "[CLS]" };
  const pairs = [
    pair("general.architecture", VALUE.string, text("bert")),
    pair("general.name", VALUE.string, text(name)),
    ...Object.entries(lengths).map(([key, value]) => number(`bert.${key}`, value)),
    number("bert.attention.head_count", head_count),
    pair("bert.attention.layer_norm_epsilon", VALUE.f32, floats([layer_norm_epsilon])),
    pair("bert.attention.causal", BOOL, Uint8Array.of(0)),
    ...(pooling === undefined ? [] : [number("bert.pooling_type", pooling)]),
    pair("tokenizer.ggml.model", VALUE.string, text("bert")),
    pair("tokenizer.ggml.pre", VALUE.string, text("default")),
    number("tokenizer.ggml.token_type_count", 2),
    pair("tokenizer.ggml.tokens", VALUE.array, array(VALUE.string, words.map(phantomSpace).map(text))),
    pair("tokenizer.ggml.token_type", VALUE.array, array(VALUE.i32, types.map(u32))),
    ...Object.entries(special).map(([key, word]) => number(`tokenizer.ggml.${key}_token_id`, words.indexOf(word))),
  ];
  return writeGguf(pairs, [...tensors]);
}

const isSpecial = (word: string): boolean => /^\[[A-Z]+\]$/.test(word);

/** llama.cpp marks the words that begin, instead of those that go on. */
function phantomSpace(word: string): string {
  if (isSpecial(word)) return word;
  return word.startsWith("##") ? word.slice(2) : `\u2581${word}`;
}

type Weight = [name: string, ...dims: number[]];

/** Names and dimensions of the weights, in the order that the file has them. */
export function encoderTensors(
  { embedding_length: n, context_length, block_count, feed_forward_length: wide }: EncoderShape,
  words: number,
) {
  const linear = (name: string, from: number, to: number): Weight[] => [
    [`${name}.weight`, from, to],
    [`${name}.bias`, to],
  ];
  const norm = (name: string): Weight[] => [
    [`${name}.weight`, n],
    [`${name}.bias`, n],
  ];
  const blocks = Array.from({ length: block_count }, (_, index): Weight[] => [
    ...["attn_q", "attn_k", "attn_v", "attn_output"].flatMap((part) => linear(`blk.${index}.${part}`, n, n)),
    ...norm(`blk.${index}.attn_output_norm`),
    ...linear(`blk.${index}.ffn_up`, n, wide),
    ...linear(`blk.${index}.ffn_down`, wide, n),
    ...norm(`blk.${index}.layer_output_norm`),
  ]);
  const beginning: Weight[] = [
    ["token_embd.weight", n, words],
    ["token_types.weight", n, 2],
    ["position_embd.weight", n, context_length],
    ...norm("token_embd_norm"),
  ];
  return [...beginning, ...blocks.flat()].map(([name, ...dims]) => ({ name, dims }));
}

/** The head that makes a score of the first token. */
export function rankHeadTensors({ embedding_length: n }: EncoderShape) {
  const head: Weight[] = [
    ["cls.weight", n, n],
    ["cls.bias", n],
    ["cls.output.weight", n, 1],
    ["cls.output.bias", 1],
  ];
  return head.map(([name, ...dims]) => ({ name, dims }));
}
