// The model with which engines are timed: a llama of few layers, as wide as the smallest that people use, with weights of a type. It says
// nothing, but a token of it costs what one of a model with such weights does: they do not fit in a processor's cache.
import { type FileHandle, open } from "node:fs/promises";
import { alignedLength, floats, ggufHead, llamaShape, llamaTensors, vocabulary } from "../../models/gguf/writer.ts";
import { weightBlocks, type WeightBlocks } from "./weight-blocks.ts";

const SHAPE = { context_length: 512, embedding_length: 1024, feed_forward_length: 2816, head_count: 16 };
export const VOCABULARY = 16_384;
/** The special tokens, and one for each byte, come before the words. */
export const FIRST_WORD = 259;
const WORDS = Array.from({ length: VOCABULARY - FIRST_WORD }, (_, index) => `\u2581${index.toString(36)}`);

/** Bytes of all layers, about: more than most caches hold. */
const LAYERS_BYTES = 64 * 1024 * 1024;
const [LEAST_LAYERS, MOST_LAYERS] = [2, 12];

/** Bytes of the weights that a token of it takes, all of which are read for one; undefined for a type that none can be made of. */
export function syntheticBytes(type: string): number | undefined {
  const blocks = weightBlocks(type);
  if (blocks === undefined) return undefined;
  const { embedding_length: wide, feed_forward_length: wider } = SHAPE;
  return bytesOf([layerCount(blocks) * (4 * wide + 3 * wider) + VOCABULARY, wide], blocks);
}

const F32 = 0;
/** The tensor whose first rows are those of the special tokens. They are zeros, as an answer is not to end by itself. */
const EMBEDDING = "token_embd.weight";
const ZERO_ROWS = 3;

/** Writes it, a piece at a time. `type`: as `hasWeightBlocks` takes it. Throws what the disk throws, and the signal's reason. */
export async function writeSyntheticModel(path: string, type: string, signal: AbortSignal): Promise<void> {
  const blocks = weightBlocks(type);
  if (blocks === undefined) throw new TypeError(`No model can be made of weights of the type ${type}.`);
  const shape = { ...SHAPE, block_count: layerCount(blocks) };
  // What is read is what is answered with: a tensor of its own for that is found in larger models.
  const tensors = llamaTensors(shape, VOCABULARY).filter(({ name }) => name !== "output.weight");
  const infos = tensors.map(({ name, dims }) => {
    const is_vector = dims.length === 1;
    return { name, dims, type: is_vector ? F32 : blocks.type, length: is_vector ? dims[0]! * 4 : bytesOf(dims, blocks) };
  });
  const ones = floats(Array.from({ length: SHAPE.embedding_length }, () => 1));
  const file = await open(path, "w", 0o600);
  try {
    await file.write(ggufHead([...llamaShape("synthetic", shape), ...vocabulary(WORDS)], infos));
    for (const { name, dims, type, length } of infos) {
      signal.throwIfAborted();
      const zeros = name === EMBEDDING ? ZERO_ROWS * bytesOf([dims[0]!], blocks) : 0;
      await file.write(new Uint8Array(zeros));
      await writeRepeated(file, type === F32 && dims.length === 1 ? ones : blocks.pattern, length - zeros);
      await file.write(new Uint8Array(alignedLength(length) - length));
    }
  } finally {
    await file.close();
  }
}

function bytesOf(dims: readonly number[], { block, bytes }: WeightBlocks): number {
  return (dims.reduce((product, dim) => product * dim) / block) * bytes;
}

function layerCount(blocks: WeightBlocks): number {
  const { embedding_length: wide, feed_forward_length: wider } = SHAPE;
  const layer = bytesOf([4 * wide + 3 * wider, wide], blocks);
  return Math.max(LEAST_LAYERS, Math.min(MOST_LAYERS, Math.round(LAYERS_BYTES / layer)));
}

/** `length`: bytes, a whole number of blocks. */
async function writeRepeated(file: FileHandle, pattern: Uint8Array, length: number): Promise<void> {
  for (let left = length; left > 0; left -= pattern.length) await file.write(pattern, 0, Math.min(left, pattern.length));
}
