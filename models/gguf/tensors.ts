// The tensors of a GGUF's header, of which only sums are kept.
import { type Cursor, damageError, quote } from "./cursor.ts";
import { TENSOR_TYPES } from "./tensor-types.ts";

export interface TensorTotals {
  /** Elements of all tensors. */
  parameters: number;
  /** Bytes of all tensors, without what lies between them. */
  tensor_bytes: number;
  /** Of these, those of the numbers that tokens begin as: they stay in main memory. */
  embedding_bytes: number;
  /** Of what makes logits. */
  output_bytes: number;
  /** Whether the numbers that tokens begin as make logits too, so that both counts have them. */
  tied: boolean;
  /** Whether every type was known; else `tensor_bytes` and `end` are lower bounds. */
  exact: boolean;
  /** Bytes from the start of the first tensor to the end of the last one. */
  end: number;
  /** Whether one of them makes a single number, a rank, of what the model says of a text. */
  rank_head: boolean;
  /** Name of the type that takes the most bytes, where there is one that is known. */
  most_used?: string;
}

type Tensor = ReturnType<typeof readInfo>;

/** As the layer of the input is loaded in https://github.com/ggml-org/llama.cpp/blob/master/src/llama-arch.cpp (`LLM_TENSOR_LAYER_INPUT`). */
const EMBEDDINGS = /^(?:token_embd|token_types|position_embd|per_layer_token_embd)\./;
const TOKENS = "token_embd.weight";
/** Bytes; ggml holds names in 64 with a final 0. */
const LONGEST_NAME = 63;
const MOST_DIMENSIONS = 4;
/** The second one where it is as narrow as a number: else a layer before the first one has that name. */
const RANK_HEADS = ["cls.output.weight", "cls.weight"];
const LARGEST_INFO = 8 + LONGEST_NAME + 4 + 8 * MOST_DIMENSIONS + 4 + 8;

/** Throws `GgufError` unless the tensors lie one after the other, each start rounded up to `alignment`, as llama.cpp demands. */
export async function readTensors(cursor: Cursor, count: number, alignment: number): Promise<TensorTotals> {
  const nothing = { parameters: 0, tensor_bytes: 0, embedding_bytes: 0, output_bytes: 0, end: 0 };
  const sum: TensorTotals = { ...nothing, tied: false, exact: true, rank_head: false };
  const names = new Set<string>();
  const by_type = new Map<string, number>();
  let before: Tensor | undefined;
  for (let index = 0; index < count; index++) {
    if (cursor.ready < LARGEST_INFO) await cursor.reach(LARGEST_INFO);
    const info = readInfo(cursor);
    if (names.has(info.name)) throw damageError(`it has the tensor ${quote(info.name)} twice`);
    names.add(info.name);
    checkOffset(info, before, sum, alignment);
    addTensor(info, before, sum, by_type);
    before = info;
  }
  const [most] = [...by_type].sort((a, b) => b[1] - a[1]);
  return { ...sum, most_used: most?.[0] };
}

function readInfo(cursor: Cursor) {
  const length = cursor.u64();
  if (length > LONGEST_NAME) throw damageError(`the name of a tensor is said to have ${length} bytes`);
  const name = cursor.text(length);
  const dims = readDimensions(cursor, name);
  const elements = dims.reduce((product, dim) => product * dim, 1);
  // A dimension of zero must not hide the others.
  const largest = dims.reduce((product, dim) => product * Math.max(1, dim), 1);
  if (largest > Number.MAX_SAFE_INTEGER)
    throw damageError(`the tensor ${quote(name)} is said to have ${dims.join(" × ")} elements`);
  const type = TENSOR_TYPES[cursor.u32()];
  const row = dims[0] ?? 1;
  if (type && row % type.block !== 0) {
    throw damageError(`a row of the tensor ${quote(name)} has ${row} elements, and ${type.name} stores them by ${type.block}`);
  }
  // An unknown type has no name and no size.
  return { name, dims, elements, bytes: type && (elements / type.block) * type.bytes, type: type?.name, offset: cursor.u64() };
}

function readDimensions(cursor: Cursor, name: string): number[] {
  const count = cursor.u32();
  if (count > MOST_DIMENSIONS) throw damageError(`the tensor ${quote(name)} is said to have ${count} dimensions`);
  return Array.from({ length: count }, () => cursor.u64());
}

function checkOffset({ name, offset }: Tensor, before: Tensor | undefined, { end }: TensorTotals, alignment: number): void {
  const expected = Math.ceil(end / alignment) * alignment;
  // The offset gives the size of the tensor before, where its type is unknown.
  const fits = isUnknown(before) ? offset >= expected && offset % alignment === 0 : offset === expected;
  if (!fits) throw damageError(`the tensor ${quote(name)} is said to begin at ${offset} instead of ${expected}`);
}

function addTensor(tensor: Tensor, before: Tensor | undefined, sum: TensorTotals, by_type: Map<string, number>): void {
  const { name, dims, elements, bytes, type, offset } = tensor;
  sum.parameters += elements;
  sum.tensor_bytes += (bytes ?? 0) + (isUnknown(before) ? offset - before.offset : 0);
  if (EMBEDDINGS.test(name)) sum.embedding_bytes += bytes ?? 0;
  if (name === TOKENS || name === "output.weight") {
    sum.tied = name === TOKENS && sum.output_bytes === 0;
    if (sum.tied || name !== TOKENS) sum.output_bytes = bytes ?? 0;
  }
  sum.end = offset + (bytes ?? 0);
  sum.exact &&= bytes !== undefined;
  sum.rank_head ||= RANK_HEADS.includes(name) && (name !== "cls.weight" || dims.slice(1).every((dim) => dim === 1));
  if (type !== undefined) by_type.set(type, (by_type.get(type) ?? 0) + bytes!);
  if (Math.max(sum.end, sum.parameters) <= Number.MAX_SAFE_INTEGER) return;
  throw damageError(`with the tensor ${quote(name)} it is said to hold ${sum.parameters} parameters in ${sum.end} bytes`);
}

function isUnknown(info: Tensor | undefined): info is Tensor {
  return info !== undefined && info.bytes === undefined;
}
