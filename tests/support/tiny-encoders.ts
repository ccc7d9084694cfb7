// Models of random weights that embed and rank: a BERT of 330 KB, and one of the architecture of Qwen3, whose last token says it.
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { array, floats, llamaTensors, pair, text, u32, VALUE, vocabulary, writeGguf } from "../../models/gguf/writer.ts";
import { fillFromHeader } from "../../models/gguf/fill-from-header.ts";
import { readGgufFile } from "../../models/gguf/header.ts";
import type { InstalledModel } from "../../models/manifest.ts";
import { makeModel } from "./app.ts";
import { encoderGguf, encoderTensors, rankHeadTensors } from "./encoder-gguf.ts";
import { randomTensors } from "./tiny-gguf.ts";

/** As `enum llama_pooling_type` of llama.cpp. */
export const POOLING = { none: 0, mean: 1, cls: 2, last: 3, rank: 4 } as const;

const LETTERS = [..."abcdefghijklmnopqrstuvwxyz0123456789.,!?"];
const WORDS = [
  ...["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"],
  ...LETTERS,
  ...LETTERS.map((letter) => `##${letter}`),
  ...["hello", "world", "the", "cat", "##ing", "##ed"],
];
const SHAPE = { embedding_length: 64, block_count: 2, feed_forward_length: 128, head_count: 4 };

export interface TinyEncoder {
  /** Absent: the file names no way. */
  pooling?: keyof typeof POOLING;
  /** The head of a reranker. */
  rank_head?: boolean;
  /** Tokens. */
  context_length?: number;
}

/** The same bytes for the same options. */
export function tinyEncoder({ pooling, rank_head = false, context_length = 128 }: TinyEncoder = {}): Uint8Array<ArrayBuffer> {
  const shape = { ...SHAPE, context_length, layer_norm_epsilon: 1e-12 };
  const weights = [...encoderTensors(shape, WORDS.length), ...(rank_head ? rankHeadTensors(shape) : [])];
  return encoderGguf({
    name: "tiny",
    shape,
    words: WORDS,
    pooling: pooling && POOLING[pooling],
    tensors: randomTensors(weights),
  });
}

/** A reranker whose prompt is a template, and whose score is the probability of one of two words. */
export function tinyRanker(): Uint8Array<ArrayBuffer> {
  const [n, heads, context_length] = [SHAPE.embedding_length, SHAPE.head_count, 256];
  const words = "\u2581 \u2581a \u2581the e t a o \u2581hello \u2581world".split(" ");
  const key = (name: string, value: number): Uint8Array => pair(`qwen3.${name}`, VALUE.u32, u32(value));
  const norms = Array.from({ length: SHAPE.block_count }, (_, index) =>
    ["attn_q_norm", "attn_k_norm"].map((name) => ({ name: `blk.${index}.${name}.weight`, dims: [n / heads] })),
  );
  return writeGguf(
    [
      pair("general.architecture", VALUE.string, text("qwen3")),
      pair("general.name", VALUE.string, text("tiny ranker")),
      ...[key("context_length", context_length), key("embedding_length", n), key("block_count", SHAPE.block_count)],
      ...[key("feed_forward_length", SHAPE.feed_forward_length), key("pooling_type", POOLING.rank)],
      ...[key("attention.head_count", heads), key("attention.head_count_kv", heads)],
      ...[key("attention.key_length", n / heads), key("attention.value_length", n / heads)],
      pair("qwen3.attention.layer_norm_rms_epsilon", VALUE.f32, floats([1e-5])),
      pair("qwen3.classifier.output_labels", VALUE.array, array(VALUE.string, ["yes", "no"].map(text))),
      ...vocabulary(words),
      pair("tokenizer.chat_template.rerank", VALUE.string, text("Judge. Query: {query} Document: {document} Answer:")),
    ],
    randomTensors([
      ...llamaTensors({ ...SHAPE, context_length }, 259 + words.length),
      ...norms.flat(),
      { name: "cls.output.weight", dims: [n, 2] },
    ]),
  );
}

/** A file with these bytes, as the library describes it to an adapter. */
export async function installedAs(id: string, bytes: Uint8Array): Promise<InstalledModel> {
  const path = join(await mkdtemp(join(tmpdir(), "ingle-tiny-")), `${id}.gguf`);
  await writeFile(path, bytes);
  return describeInstalled(id, path);
}

/** The same of a file that is there. */
export async function describeInstalled(id: string, path: string): Promise<InstalledModel> {
  const { settings, pooling, causal } = fillFromHeader(makeModel(id), await readGgufFile(path));
  return { id, path, settings, ...(pooling && { pooling }), ...(causal !== undefined && { causal }) };
}
