// A model of 474 KB that loads and generates, made of pseudo-random weights; and a corpus of what disks and downloads do to it.
// Layout: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md

export interface TinyGguf {
  /** Jinja, as `tokenizer.chat_template`; left out, the file has none. */
  template?: string;
  /** Tokens, as `llama.context_length`; 512 unless told. */
  context_length?: number;
  /** Changes the finished bytes in place. */
  mutate?: (bytes: Uint8Array<ArrayBuffer>) => void;
}

/** The same bytes for the same options: 474,016 of them without a template. */
export function tinyGguf({ template, context_length = 512, mutate }: TinyGguf = {}): Uint8Array<ArrayBuffer> {
  const keys = pairs(context_length, template);
  const header = [text("GGUF").slice(8), u32(3), u64(TENSORS.length), u64(keys.length), ...keys, ...infos()];
  const bytes = joined([padded(joined(header)), ...tensors().map(padded)]);
  mutate?.(bytes);
  return bytes;
}

/** For `mutate`: makes the word "hello" the token `<|turn|>`, of a type that is found in plain text too, as some of gpt-oss are. */
export function addTurnToken(bytes: Uint8Array<ArrayBuffer>): void {
  const buffer = Buffer.from(bytes.buffer);
  buffer.write("<|turn|>", buffer.indexOf("\u2581hello"));
  const types = buffer.indexOf("tokenizer.ggml.token_type") + "tokenizer.ggml.token_type".length + 16;
  buffer.writeUInt32LE(4, types + 4 * 266);
}

export interface Damaged {
  /** Says what is wrong with it. */
  name: string;
  bytes: Uint8Array<ArrayBuffer>;
}

/** Files that must be refused or survived, never crash a server: the two with a template load and fail, or spin, when asked. */
export function corpus(): Damaged[] {
  const whole = tinyGguf();
  const changed = (name: string, mutate: NonNullable<TinyGguf["mutate"]>) => ({ name, bytes: tinyGguf({ mutate }) });
  return [
    { name: "empty", bytes: new Uint8Array() },
    { name: "html", bytes: raw("<!doctype html><title>404 Not Found</title>") },
    changed("wrong magic", (bytes) => bytes.set(raw("GGML"))),
    changed("version 99", (bytes) => bytes.set(u32(99), 4)),
    changed("tensor count -1", (bytes) => bytes.set(u64(-1n), 8)),
    changed("key count -1", (bytes) => bytes.set(u64(-1n), 16)),
    changed("string of 2^60 bytes", (bytes) => bytes.set(u64(2n ** 60n), 24)),
    changed("tensor offset 2^40", (bytes) => bytes.set(u64(2n ** 40n), offsetField(bytes, "blk.1.ffn_up.weight"))),
    ...[4, 24, 100, 4_000, whole.length / 2, whole.length - 1].map((length) => ({
      name: `cut after ${length} bytes`,
      bytes: whole.slice(0, length),
    })),
    changed("zeroed head", (bytes) => bytes.fill(0, 0, 4_096)),
    changed("zeroed tail", (bytes) => bytes.fill(0, -4_096)),
    ...BIT_FLIPS.map((bit) => changed(`bit ${bit} flipped`, (bytes) => (bytes[bit >> 3]! ^= 1 << (bit & 7)))),
    { name: "bad template", bytes: tinyGguf({ template: "{% for message in %}{{" }) },
    { name: "endless template", bytes: tinyGguf({ template: "{% for i in range(100000000) %}{{ i }}{% endfor %}" }) },
  ];
}

// In the magic, the version, both counts, a key's length, its type, its value's length, the vocabulary and the weights.
const BIT_FLIPS = [5, 33, 66, 131, 195, 8 * 52 + 1, 8 * 63 + 3, 8 * 2_000 + 2, 8 * 300_000 + 6];

type Tensor = [name: string, ...dims: number[]];

const TENSORS: Tensor[] = [["token_embd", 64, 268], ["output_norm", 64], ["output", 64, 268], ...block(0), ...block(1)];

function block(index: number): Tensor[] {
  const layer = `blk.${index}`;
  return [
    [`${layer}.attn_norm`, 64],
    [`${layer}.attn_q`, 64, 64],
    [`${layer}.attn_k`, 64, 64],
    [`${layer}.attn_v`, 64, 64],
    [`${layer}.attn_output`, 64, 64],
    [`${layer}.ffn_norm`, 64],
    [`${layer}.ffn_gate`, 64, 128],
    [`${layer}.ffn_down`, 128, 64],
    [`${layer}.ffn_up`, 64, 128],
  ];
}

function pairs(context_length: number, template: string | undefined): Uint8Array[] {
  const tokens = [
    "<unk>",
    "<s>",
    "</s>",
    ...Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`),
  ].concat("\u2581 \u2581a \u2581the e t a o \u2581hello \u2581world".split(" "));
  const kinds = tokens.map((_, index) => (index === 0 ? 2 : index < 3 ? 3 : index < 259 ? 6 : 1));
  const scores = tokens.map((_, index) => floats([-index]));
  return [
    pair("general.architecture", 8, text("llama")),
    pair("general.name", 8, text("tiny")),
    pair("llama.context_length", 4, u32(context_length)),
    pair("llama.embedding_length", 4, u32(64)),
    pair("llama.block_count", 4, u32(2)),
    pair("llama.feed_forward_length", 4, u32(128)),
    pair("llama.attention.head_count", 4, u32(4)),
    pair("llama.attention.head_count_kv", 4, u32(4)),
    pair("llama.rope.dimension_count", 4, u32(16)),
    pair("llama.attention.layer_norm_rms_epsilon", 6, floats([1e-5])),
    pair("tokenizer.ggml.model", 8, text("llama")),
    pair("tokenizer.ggml.tokens", 9, array(8, tokens.map(text))),
    pair("tokenizer.ggml.scores", 9, array(6, scores)),
    pair("tokenizer.ggml.token_type", 9, array(5, kinds.map(u32))),
    pair("tokenizer.ggml.bos_token_id", 4, u32(1)),
    pair("tokenizer.ggml.eos_token_id", 4, u32(2)),
    pair("tokenizer.ggml.unknown_token_id", 4, u32(0)),
    ...(template === undefined ? [] : [pair("tokenizer.chat_template", 8, text(template))]),
  ];
}

function infos(): Uint8Array[] {
  let offset = 0;
  return TENSORS.map(([name, ...dims]) => {
    const info = joined([text(`${name}.weight`), u32(dims.length), ...dims.map(u64), u32(0), u64(offset)]);
    offset += aligned(4 * size(dims));
    return info;
  });
}

/** Norms are 1; the rest comes from one small generator, so that every run makes the same model. */
function tensors(): Uint8Array[] {
  let seed = 1;
  const weight = () => {
    // In BigInt, as the product needs 62 bits.
    seed = Number((BigInt(seed) * 1_103_515_245n + 12_345n) & 0x7fffffffn);
    return (seed / 0x7fffffff - 0.5) * 0.2;
  };
  return TENSORS.map(([name, ...dims]) => floats(Array.from({ length: size(dims) }, name.endsWith("norm") ? () => 1 : weight)));
}

/** Where a tensor's info holds its offset. */
function offsetField(bytes: Uint8Array<ArrayBuffer>, name: string): number {
  const at = Buffer.from(bytes.buffer).indexOf(name) + name.length;
  const dims = new DataView(bytes.buffer).getUint32(at, true);
  return at + 4 + 8 * dims + 4;
}

const size = (dims: number[]) => dims.reduce((product, dim) => product * dim, 1);
const aligned = (length: number) => Math.ceil(length / 32) * 32;
export const raw = (value: string) => new TextEncoder().encode(value);
export const u32 = (value: number) => new Uint8Array(new Uint32Array([value]).buffer);
export const u64 = (value: number | bigint) => new Uint8Array(new BigUint64Array([BigInt.asUintN(64, BigInt(value))]).buffer);
export const floats = (values: number[]) => new Uint8Array(new Float32Array(values).buffer);
export const text = (value: string) => joined([u64(raw(value).length), raw(value)]);
export const pair = (key: string, type: number, value: Uint8Array) => joined([text(key), u32(type), value]);
export const array = (type: number, items: Uint8Array[]) => joined([u32(type), u64(items.length), ...items]);

function padded(bytes: Uint8Array): Uint8Array {
  return joined([bytes, new Uint8Array(aligned(bytes.length) - bytes.length)]);
}

export function joined(parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
