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

/** What a file's head says of a tensor; `length`: bytes of its data. */
export type GgufTensorInfo = Omit<GgufTensor, "data"> & { length: number };

/** `pairs`: each from `pair`. The data of a tensor begins at a multiple of 32 bytes. */
export function writeGguf(pairs: Uint8Array[], tensors: GgufTensor[]): Uint8Array<ArrayBuffer> {
  const infos = tensors.map(({ data, ...info }) => ({ ...info, length: data.length }));
  return joined([ggufHead(pairs, infos), ...tensors.map(({ data }) => padded(data))]);
}

/** All that stands before the data of the tensors, which follow in this order, each of its `alignedLength`. */
export function ggufHead(pairs: Uint8Array[], tensors: GgufTensorInfo[]): Uint8Array<ArrayBuffer> {
  let offset = 0;
  const infos = tensors.map(({ name, dims, type, length }) => {
    const info = joined([text(name), u32(dims.length), ...dims.map(u64), u32(type), u64(offset)]);
    offset += alignedLength(length);
    return info;
  });
  return padded(joined([raw("GGUF"), u32(3), u64(tensors.length), u64(pairs.length), ...pairs, ...infos]));
}

/** The bytes that a tensor of so many takes in the file. */
export const alignedLength = (length: number): number => Math.ceil(length / ALIGNMENT) * ALIGNMENT;

export const raw = (value: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(value);
export const u32 = (value: number): Uint8Array => new Uint8Array(new Uint32Array([value]).buffer);
export const u64 = (value: number | bigint): Uint8Array =>
  new Uint8Array(new BigUint64Array([BigInt.asUintN(64, BigInt(value))]).buffer);
export const floats = (values: number[]): Uint8Array => new Uint8Array(new Float32Array(values).buffer);
export const text = (value: string): Uint8Array => joined([u64(raw(value).length), raw(value)]);
export const pair = (key: string, type: number, value: Uint8Array): Uint8Array => joined([text(key), u32(type), value]);
export const array = (type: number, items: Uint8Array[]): Uint8Array => joined([u32(type), u64(items.length), ...items]);

/** As `array`, of many texts. */
function texts(items: string[]): Uint8Array {
  const lengths = items.map((item) => Buffer.byteLength(item));
  const bytes = Buffer.alloc(4 + 8 + lengths.reduce((sum, length) => sum + 8 + length, 0));
  bytes.writeUInt32LE(VALUE.string, 0);
  bytes.writeUInt32LE(items.length, 4);
  let at = 12;
  for (const [index, item] of items.entries()) {
    bytes.writeUInt32LE(lengths[index]!, at);
    at += 8 + bytes.write(item, at + 8);
  }
  return bytes;
}

/** As `array`, of numbers that lie one after the other. */
const numbers = (type: number, values: Float32Array | Int32Array): Uint8Array =>
  joined([u32(type), u64(values.length), new Uint8Array(values.buffer)]);

export const joined = (parts: Uint8Array[]): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.concat(parts));

function padded(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return joined([bytes, new Uint8Array(alignedLength(bytes.length) - bytes.length)]);
}

/** The vocabulary of a SentencePiece model: three special tokens, one for each byte, then `words`. */
export function vocabulary(words: string[]): Uint8Array[] {
  const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`);
  const tokens = ["<unk>", "<s>", "</s>", ...bytes, ...words];
  // As llama.cpp numbers them: unknown, control, byte, normal.
  const types = tokens.map((_, index) => (index === 0 ? 2 : index < 3 ? 3 : index < 259 ? 6 : 1));
  const scores = tokens.map((_, index) => -index);
  return [
    pair("tokenizer.ggml.model", VALUE.string, text("llama")),
    pair("tokenizer.ggml.tokens", VALUE.array, texts(tokens)),
    pair("tokenizer.ggml.scores", VALUE.array, numbers(VALUE.f32, Float32Array.from(scores))),
    pair("tokenizer.ggml.token_type", VALUE.array, numbers(VALUE.i32, Int32Array.from(types))),
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
