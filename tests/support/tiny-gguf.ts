// A model of 474 KB that loads and generates, made of pseudo-random weights; and a corpus of what disks and downloads do to it.
// Layout: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
import {
  floats,
  llamaShape,
  llamaTensors,
  pair,
  raw,
  text,
  u32,
  u64,
  VALUE,
  vocabulary,
  writeGguf,
  type GgufTensor,
} from "../../models/gguf/writer.ts";

export interface TinyGguf {
  /** Jinja, as `tokenizer.chat_template`; left out, the file has none. */
  template?: string;
  /** Tokens, as `llama.context_length`; 512 unless told. */
  context_length?: number;
  /** Heads of each layer, which share 64 numbers; 4 unless told. */
  head_count?: number;
  /** As `general.type`; left out, the file has none, as that of an older model. */
  type?: string;
  /** As `general.architecture`; "llama" unless told, whose tensors it has. */
  architecture?: string;
  /** Further keys, each from `pair`. */
  keys?: Uint8Array[];
  /** Changes the finished bytes in place. */
  mutate?: (bytes: Uint8Array<ArrayBuffer>) => void;
}

/** The same bytes for the same options: 474,016 of them without a template. */
export function tinyGguf({
  template,
  context_length = 512,
  head_count = SHAPE.head_count,
  type,
  architecture,
  keys = [],
  mutate,
}: TinyGguf = {}): Uint8Array<ArrayBuffer> {
  const [of_llama, ...shape] = llamaShape("tiny", { context_length, ...SHAPE, head_count });
  const bytes = writeGguf(
    [
      architecture === undefined ? of_llama! : pair("general.architecture", VALUE.string, text(architecture)),
      ...shape,
      ...vocabulary(WORDS),
      ...(type === undefined ? [] : [pair("general.type", VALUE.string, text(type))]),
      ...keys,
      ...(template === undefined ? [] : [pair("tokenizer.chat_template", VALUE.string, text(template))]),
    ],
    tensors(context_length),
  );
  mutate?.(bytes);
  return bytes;
}

/** For `keys`: a part of a model, counted from 1. */
export function splitKeys(no: number, count: number): Uint8Array[] {
  return [pair("split.no", VALUE.u32, u32(no - 1)), pair("split.count", VALUE.u32, u32(count))];
}

/** For `mutate`: makes the word "hello" the token `<|turn|>`, of a type that is found in plain text too, as some of gpt-oss are. */
export function addTurnToken(bytes: Uint8Array<ArrayBuffer>): void {
  const buffer = Buffer.from(bytes.buffer);
  buffer.write("<|turn|>", buffer.indexOf("\u2581hello"));
  const types = buffer.indexOf("tokenizer.ggml.token_type") + "tokenizer.ggml.token_type".length + 16;
  buffer.writeUInt32LE(4, types + 4 * 266);
}

/** For `mutate`: a vocabulary with one token twice, at which llama.cpp ends its process. */
export function repeatToken(bytes: Uint8Array<ArrayBuffer>): void {
  const buffer = Buffer.from(bytes.buffer);
  buffer.write("<0x42>", buffer.indexOf("<0x41>"));
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

const SHAPE = { embedding_length: 64, block_count: 2, feed_forward_length: 128, head_count: 4 };
const WORDS = "\u2581 \u2581a \u2581the e t a o \u2581hello \u2581world".split(" ");
const VOCABULARY = 259 + WORDS.length;
const F32 = 0;

const tensors = (context_length: number): GgufTensor[] => randomTensors(llamaTensors({ context_length, ...SHAPE }, VOCABULARY));

/** Norms are 1, and biases 0; the rest comes from one small generator, so that every run makes the same model. */
export function randomTensors(weights: readonly { name: string; dims: number[] }[]): GgufTensor[] {
  let seed = 1;
  const weight = () => {
    // In BigInt, as the product needs 62 bits.
    seed = Number((BigInt(seed) * 1_103_515_245n + 12_345n) & 0x7fffffffn);
    return (seed / 0x7fffffff - 0.5) * 0.2;
  };
  return weights.map(({ name, dims }) => {
    const length = dims.reduce((product, dim) => product * dim, 1);
    const flat = (): number => (name.endsWith(".bias") ? 0 : 1);
    return { name, dims, type: F32, data: floats(Array.from({ length }, dims.length === 1 ? flat : weight)) };
  });
}

function offsetField(bytes: Uint8Array<ArrayBuffer>, name: string): number {
  const at = Buffer.from(bytes.buffer).indexOf(name) + name.length;
  const dims = new DataView(bytes.buffer).getUint32(at, true);
  return at + 4 + 8 * dims + 4;
}
