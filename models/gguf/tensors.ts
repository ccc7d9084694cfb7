// The tensors of a GGUF's header, added up. Only what they come to is kept.
import { type Cursor, damaged, quoted } from "./cursor.ts";
import { tensorType } from "./tensor-types.ts";

export interface Tensors {
  /** Elements of all tensors. */
  parameters: number;
  /** Bytes of all tensors, without what lies between them. */
  tensor_bytes: number;
  /** Whether every type was known; else `tensor_bytes` and `end` are lower bounds. */
  exact: boolean;
  /** Bytes from the first tensor's begin to the last one's end. */
  end: number;
  /** Name of the type that takes the most bytes, where there is one that is known. */
  most_used?: string;
}

interface Info {
  name: string;
  elements: number;
  /** Undefined where the type is unknown. */
  bytes: number | undefined;
  type: string | undefined;
  offset: number;
}

/** Bytes; ggml holds names in 64 with a final 0. */
const LONGEST_NAME = 63;
const MOST_DIMENSIONS = 4;
const LARGEST_INFO = 8 + LONGEST_NAME + 4 + 8 * MOST_DIMENSIONS + 4 + 8;

/** Throws `GgufError` unless the tensors lie one after the other, each begin rounded up to `alignment`, as llama.cpp demands. */
export async function readTensors(cursor: Cursor, count: number, alignment: number): Promise<Tensors> {
  const sum: Tensors = { parameters: 0, tensor_bytes: 0, exact: true, end: 0 };
  const names = new Set<string>();
  const by_type = new Map<string, number>();
  let before: Info | undefined;
  for (let index = 0; index < count; index++) {
    if (cursor.ready < LARGEST_INFO) await cursor.reach(LARGEST_INFO);
    const info = readInfo(cursor);
    if (names.has(info.name)) throw damaged(`it has the tensor ${quoted(info.name)} twice`);
    names.add(info.name);
    checkOffset(info, before, sum, alignment);
    add(info, before, sum, by_type);
    before = info;
  }
  const [most] = [...by_type].sort((a, b) => b[1] - a[1]);
  return { ...sum, most_used: most?.[0] };
}

function readInfo(cursor: Cursor): Info {
  const length = cursor.u64();
  if (length > LONGEST_NAME) throw damaged(`the name of a tensor is said to have ${length} bytes`);
  const name = cursor.text(length);
  const dims = readDimensions(cursor, name);
  const elements = dims.reduce((product, dim) => product * dim, 1);
  // A zero among them would hide the others.
  const largest = dims.reduce((product, dim) => product * Math.max(1, dim), 1);
  if (largest > Number.MAX_SAFE_INTEGER) throw damaged(`the tensor ${quoted(name)} is said to have ${dims.join(" × ")} elements`);
  const type = tensorType(cursor.u32());
  const row = dims[0] ?? 1;
  if (type && row % type.block !== 0) {
    throw damaged(`a row of the tensor ${quoted(name)} has ${row} elements, and ${type.name} stores them by ${type.block}`);
  }
  return { name, elements, bytes: type && (elements / type.block) * type.bytes, type: type?.name, offset: cursor.u64() };
}

function readDimensions(cursor: Cursor, name: string): number[] {
  const count = cursor.u32();
  if (count > MOST_DIMENSIONS) throw damaged(`the tensor ${quoted(name)} is said to have ${count} dimensions`);
  return Array.from({ length: count }, () => cursor.u64());
}

function checkOffset({ name, offset }: Info, before: Info | undefined, { end }: Tensors, alignment: number): void {
  const expected = Math.ceil(end / alignment) * alignment;
  // Where the size of the one before is unknown, this offset tells it.
  const fits = isUnknown(before) ? offset >= expected && offset % alignment === 0 : offset === expected;
  if (!fits) throw damaged(`the tensor ${quoted(name)} is said to begin at ${offset} instead of ${expected}`);
}

function add(
  { name, elements, bytes, type, offset }: Info,
  before: Info | undefined,
  sum: Tensors,
  by_type: Map<string, number>,
) {
  sum.parameters += elements;
  sum.tensor_bytes += (bytes ?? 0) + (isUnknown(before) ? offset - before.offset : 0);
  sum.end = offset + (bytes ?? 0);
  sum.exact &&= bytes !== undefined;
  if (type !== undefined) by_type.set(type, (by_type.get(type) ?? 0) + bytes!);
  if (Math.max(sum.end, sum.parameters) <= Number.MAX_SAFE_INTEGER) return;
  throw damaged(`with the tensor ${quoted(name)} it is said to hold ${sum.parameters} parameters in ${sum.end} bytes`);
}

function isUnknown(info: Info | undefined): info is Info {
  return info !== undefined && info.bytes === undefined;
}
