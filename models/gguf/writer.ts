// Writes GGUF files of version 3: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
import { Buffer } from "node:buffer";

const ALIGNMENT = 32;

/** Types of the values of a file's head. */
export const VALUE = { u32: 4, i32: 5, f32: 6, string: 8, array: 9 };

export interface GgufTensor {
  name: string;
  dims: number[];
  /** As `enum ggml_type` numbers them. */
  type: number;
  data: Uint8Array;
}

/** `pairs`: each from `pair`. The data of a tensor begins at a multiple of 32 bytes. */
export function writeGguf(pairs: Uint8Array[], tensors: GgufTensor[]): Uint8Array<ArrayBuffer> {
  let offset = 0;
  const infos = tensors.map(({ name, dims, type, data }) => {
    const info = joined([text(name), u32(dims.length), ...dims.map(u64), u32(type), u64(offset)]);
    offset += aligned(data.length);
    return info;
  });
  const head = joined([raw("GGUF"), u32(3), u64(tensors.length), u64(pairs.length), ...pairs, ...infos]);
  return joined([padded(head), ...tensors.map(({ data }) => padded(data))]);
}

export const raw = (value: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(value);
export const u32 = (value: number): Uint8Array => new Uint8Array(new Uint32Array([value]).buffer);
export const u64 = (value: number | bigint): Uint8Array =>
  new Uint8Array(new BigUint64Array([BigInt.asUintN(64, BigInt(value))]).buffer);
export const floats = (values: number[]): Uint8Array => new Uint8Array(new Float32Array(values).buffer);
export const text = (value: string): Uint8Array => joined([u64(raw(value).length), raw(value)]);
export const pair = (key: string, type: number, value: Uint8Array): Uint8Array => joined([text(key), u32(type), value]);
export const array = (type: number, items: Uint8Array[]): Uint8Array => joined([u32(type), u64(items.length), ...items]);

export const joined = (parts: Uint8Array[]): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.concat(parts));

const aligned = (length: number): number => Math.ceil(length / ALIGNMENT) * ALIGNMENT;

function padded(bytes: Uint8Array): Uint8Array {
  return joined([bytes, new Uint8Array(aligned(bytes.length) - bytes.length)]);
}

/** The vocabulary of a SentencePiece model: three special tokens, one for each byte, then `words`. */
export function vocabulary(words: string[]): Uint8Array[] {
  const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`);
  const tokens = ["<unk>", "<s>", "</s>", ...bytes, ...words];
  // As llama.cpp numbers them: unknown, control, byte, normal.
  const types = tokens.map((_, index) => (index === 0 ? 2 : index < 3 ? 3 : index < 259 ? 6 : 1));
  const scores = tokens.map((_, index) => floats([-index]));
  return [
    pair("tokenizer.ggml.model", VALUE.string, text("llama")),
    pair("tokenizer.ggml.tokens", VALUE.array, array(VALUE.string, tokens.map(text))),
    pair("tokenizer.ggml.scores", VALUE.array, array(VALUE.f32, scores)),
    pair("tokenizer.ggml.token_type", VALUE.array, array(VALUE.i32, types.map(u32))),
    pair("tokenizer.ggml.bos_token_id", VALUE.u32, u32(1)),
    pair("tokenizer.ggml.eos_token_id", VALUE.u32, u32(2)),
    pair("tokenizer.ggml.unknown_token_id", VALUE.u32, u32(0)),
  ];
}

export type LlamaShape = Record<
  "context_length" | "embedding_length" | "block_count" | "feed_forward_length" | "head_count",
  number
>;

/** The shape of a model of the architecture `llama`. */
export function llamaShape(name: string, shape: LlamaShape): Uint8Array[] {
  const { head_count, ...lengths } = shape;
  const heads = { "attention.head_count": head_count, "attention.head_count_kv": head_count };
  const numbers = { ...lengths, ...heads, "rope.dimension_count": shape.embedding_length / head_count };
  return [
    pair("general.architecture", VALUE.string, text("llama")),
    pair("general.name", VALUE.string, text(name)),
    ...Object.entries(numbers).map(([key, value]) => pair(`llama.${key}`, VALUE.u32, u32(value))),
    pair("llama.attention.layer_norm_rms_epsilon", VALUE.f32, floats([1e-5])),
  ];
}

type Weight = [name: string, ...dims: number[]];

/** Names and dimensions of the weights of such a model, in the order that the file has them. */
export function llamaTensors({ embedding_length: n, block_count, feed_forward_length: wide }: LlamaShape, vocabulary: number) {
  const blocks = Array.from({ length: block_count }, (_, index): Weight[] => [
    [`blk.${index}.attn_norm`, n],
    ...["attn_q", "attn_k", "attn_v", "attn_output"].map((part): Weight => [`blk.${index}.${part}`, n, n]),
    [`blk.${index}.ffn_norm`, n],
    [`blk.${index}.ffn_gate`, n, wide],
    [`blk.${index}.ffn_down`, wide, n],
    [`blk.${index}.ffn_up`, n, wide],
  ]);
  const ends: Weight[] = [
    ["token_embd", n, vocabulary],
    ["output_norm", n],
    ["output", n, vocabulary],
  ];
  return [...ends, ...blocks.flat()].map(([name, ...dims]) => ({ name: `${name}.weight`, dims }));
}
