// A model of 78 KB that takes the paths which quantised models take: a llama of one layer whose weights are Q8_0. 64 wide and with 288
// tokens, its matrices have the sizes that llama.cpp hands to a processor's special units (AMX: K and N multiples of 32).
import { floats, llamaShape, llamaTensors, vocabulary, writeGguf, type GgufTensor } from "../../../models/gguf/writer.ts";

const SHAPE = { context_length: 512, embedding_length: 64, block_count: 1, feed_forward_length: 64, head_count: 1 };
const WORDS = Array.from({ length: 29 }, (_, index) => `\u2581${String.fromCodePoint(97 + index)}`);
const VOCABULARY = 288;

const F32 = 0;
const Q8_0 = 8;
const BLOCK = 32;
/** As a half float: with it the logits lie some units apart, so that a wrong product shows. */
const SCALE_OF_1_256 = [0x00, 0x1c];

/** The same bytes at every call. */
export function tinyQuantisedModel(): Uint8Array {
  const random = randomBytes();
  const tensors = llamaTensors(SHAPE, VOCABULARY).map(({ name, dims }): GgufTensor => {
    const count = dims.reduce((product, dim) => product * dim);
    if (dims.length === 1) return { name, dims, type: F32, data: floats(Array.from({ length: count }, () => 1)) };
    const blocks = Array.from({ length: count / BLOCK }, () => [...SCALE_OF_1_256, ...Array.from({ length: BLOCK }, random)]);
    return { name, dims, type: Q8_0, data: new Uint8Array(blocks.flat()) };
  });
  return writeGguf([...llamaShape("tiny", SHAPE), ...vocabulary(WORDS)], tensors);
}

/** The upper bits of a linear congruential generator. */
function randomBytes(): () => number {
  let seed = 1;
  return () => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (seed >> 16) & 0xff;
  };
}
