// The header of a GGUF file, read with bounds before native code gets the file: hostile headers of `tests/models/gguf.test.ts` take less
// than 64 MB of memory, and each damage is a sentence.
// Layout: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md; limits: `gguf.cpp` of llama.cpp.
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { type Cursor, cursorOf, damageError, GgufError, quote, type ReadBytes } from "./cursor.ts";
import { hasFillIn } from "./fill-in-tokens.ts";
import { namesFound, numberOf, type Pairs, readPairs, textOf } from "./metadata.ts";
import { type NetworkShape, shapeOf } from "./shape.ts";
import { readTensors, type TensorTotals } from "./tensors.ts";
import { fileTypeName } from "./tensor-types.ts";

export { GgufError, type ReadBytes };

/** Sizes are in bytes, lengths of a context in tokens. What the file does not say is absent. */
export interface GgufHeader extends NetworkShape, Omit<TensorTotals, "end" | "most_used"> {
  /** 2 or 3. */
  version: number;
  /** Such as "llama"; the later files of a split model have none. */
  architecture?: string;
  /** `general.type`: "model", "adapter" (a LoRA), "mmproj", "imatrix"; absent in older files. */
  type?: string;
  /** 0 where each token sees those behind it too; as it stands in the file. */
  causal?: unknown;
  /** As `enum llama_pooling_type` numbers the ways to make one vector of a text, 0 is none; as it stands in the file. */
  pooling_type?: unknown;
  /** Whether its vocabulary has the tokens around a gap that it fills in. */
  fill_in: boolean;
  /** Numbers of an embedding. */
  vector_length: number;
  name?: string;
  /** Who made the model, or the organisation. */
  author?: string;
  /** Mostly an SPDX identifier. */
  license?: string;
  /** Parameters in words, such as "135M". */
  size_label?: string;
  /** As llama.cpp names `general.file_type`, such as "Q4_K_M". */
  file_type?: string;
  /** `file_type`, else the type that most of the tensors' bytes are of, else "unknown". */
  quantization: string;
  /** The type that most of the tensors' bytes are of, such as "Q4_K"; absent where none is known. */
  weight_type?: string;
  /** Jinja, at most 1 MiB of it; not rendered here. */
  chat_template?: string;
  /** Of the same kind, for requests with tools; most files have one template for all. */
  tool_template?: string;
  /** A reranker's prompt, with `{query}` and `{document}`. */
  rerank_template?: string;
  /** Whether a separator stands between two texts; absent where the kind of the vocabulary says it. */
  adds_separator?: boolean;
  /** Indices in the vocabulary of the tokens that begin and end a sequence. */
  bos_token?: number;
  eos_token?: number;
  /** One file of several: `no` counts from 0, `tensors` are those of all files. */
  split?: { no: number; count: number; tensors?: number };
  tensor_count: number;
  /** Length of the header, with the padding before the tensors. */
  header_bytes: number;
  /** Least length of the whole file; a lower bound of that unless `exact`. */
  file_bytes: number;
}

// Several times what models have.
const MOST_KEYS = 1_024;
const MOST_TENSORS = 16_384;

/**
 * Reads a header, at most 48 MiB, 4 MiB at a time. `size`: bytes of the whole file, where they are known.
 * Throws `GgufError` unless the file is a whole GGUF of version 2 or 3, and what `read` throws.
 */
export async function readGguf(read: ReadBytes, size?: number): Promise<GgufHeader> {
  const cursor = cursorOf(read, size);
  const { version, tensor_count, key_count } = await readCounts(cursor);
  const pairs = await readPairs(cursor, key_count);
  const alignment = alignmentOf(pairs);
  const { end, most_used, ...totals } = await readTensors(cursor, tensor_count, alignment);
  const header_bytes = tensor_count === 0 ? cursor.at : Math.ceil(cursor.at / alignment) * alignment;
  const file_bytes = header_bytes + end;
  const header = { version, tensor_count, ...fieldsOf(pairs, most_used), ...totals, header_bytes, file_bytes };
  if (size === undefined || size >= file_bytes) return header;
  throw new GgufError(`The file is cut: it has ${size} bytes, and its header needs ${file_bytes}.`);
}

/** Reads the header of a file on this disk. Throws `GgufError`, and what the disk throws. */
export const readGgufFile = (path: string): Promise<GgufHeader> => withGgufFile(path, readGguf);

/** Opens a file on this disk while `use` reads it. Throws `GgufError` where it is none, and what the disk throws. */
export async function withGgufFile<T>(path: string, use: (read: ReadBytes, size: number) => Promise<T>): Promise<T> {
  // Without O_NONBLOCK, opening a named pipe waits for its writer.
  const handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) throw new GgufError("The model is not a file, but a folder or a device.");
    return await use(readerOf(handle), stat.size);
  } finally {
    await handle.close();
  }
}

function readerOf(handle: FileHandle): ReadBytes {
  let buffer = new Uint8Array(0);
  return async (at, length) => {
    if (buffer.length < length) buffer = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const { bytesRead } = await handle.read(buffer, done, length - done, at + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return buffer.subarray(0, done);
  };
}

/** Reads the start of a header, which its keys follow. */
export async function readCounts(cursor: Cursor) {
  const version = await readVersion(cursor);
  const tensor_count = checkCount(MOST_TENSORS, cursor.u64(), "tensors");
  return { version, tensor_count, key_count: checkCount(MOST_KEYS, cursor.u64(), "keys") };
}

async function readVersion(cursor: Cursor): Promise<number> {
  await cursor.reach(24);
  if (cursor.ready === 0) throw new GgufError("The file is empty.");
  const magic = cursor.text(Math.min(4, cursor.ready));
  if (!"GGUF".startsWith(magic)) throw new GgufError(otherKind(magic + cursor.text(Math.min(20, cursor.ready))));
  const version = cursor.u32();
  if (version === 2 || version === 3) return version;
  throw new GgufError(otherVersion(version));
}

function otherKind(head: string): string {
  if (head.trimStart().startsWith("<")) return "The file is a web page, not a model.";
  if (head.startsWith("version https://git-lfs")) return "The file is a pointer of Git LFS, not the model that it points to.";
  return `The file is not GGUF: it begins with ${quote(head.slice(0, 4))}.`;
}

function otherVersion(version: number): string {
  if (version !== 0 && version % 65_536 === 0) return "The file is a GGUF for big-endian machines. Take the little-endian one.";
  const what = `The file is a GGUF of version ${version}`;
  if (version === 1) return `${what}, which is no longer read. Take a newer file of the model.`;
  return `${what}, and ingle reads versions 2 and 3.`;
}

function checkCount(most: number, count: number, of: string): number {
  if (count <= most) return count;
  throw damageError(`it is said to have ${count} ${of}`);
}

function alignmentOf(pairs: Pairs): number {
  const alignment = numberOf(pairs, "general.alignment") ?? 32;
  if (alignment > 0 && alignment < 2 ** 31 && (alignment & (alignment - 1)) === 0) return alignment;
  throw damageError(`its tensors are said to be aligned to ${alignment} bytes, which is not a power of 2`);
}

function fieldsOf(pairs: Pairs, most_used: string | undefined) {
  const file_type = fileTypeName(numberOf(pairs, "general.file_type") ?? -1);
  const architecture = textOf(pairs, "general.architecture");
  const shape = shapeOf(pairs);
  const adds_separator = pairs.get("tokenizer.ggml.add_sep_token");
  return {
    architecture,
    causal: pairs.get(`${architecture}.attention.causal`),
    pooling_type: pairs.get(`${architecture}.pooling_type`),
    fill_in: hasFillIn((key) => pairs.has(key), namesFound(pairs)),
    vector_length: numberOf(pairs, `${architecture}.embedding_length_out`) ?? shape.embedding_length,
    type: textOf(pairs, "general.type"),
    name: textOf(pairs, "general.name"),
    author: authorOf(pairs),
    license: textOf(pairs, "general.license") ?? textOf(pairs, "general.license.name"),
    size_label: textOf(pairs, "general.size_label"),
    file_type,
    quantization: file_type ?? most_used ?? "unknown",
    weight_type: most_used,
    chat_template: textOf(pairs, "tokenizer.chat_template"),
    tool_template: textOf(pairs, "tokenizer.chat_template.tool_use"),
    rerank_template: textOf(pairs, "tokenizer.chat_template.rerank"),
    ...(adds_separator !== undefined && { adds_separator: adds_separator === 1 }),
    bos_token: numberOf(pairs, "tokenizer.ggml.bos_token_id"),
    eos_token: numberOf(pairs, "tokenizer.ggml.eos_token_id"),
    ...shape,
    split: splitOf(pairs),
  };
}

/** Nothing depends on it: a list, as older converters wrote, is no damage. */
function authorOf(pairs: Pairs): string | undefined {
  const names = [pairs.get("general.author"), pairs.get("general.organization")];
  return names.find((name) => typeof name === "string");
}

function splitOf(pairs: Pairs): GgufHeader["split"] {
  const count = numberOf(pairs, "split.count") ?? 0;
  const no = numberOf(pairs, "split.no") ?? 0;
  if (no >= Math.max(1, count)) throw damageError(`it is said to be file ${no + 1} of ${count}`);
  return count > 1 ? { no, count, tensors: numberOf(pairs, "split.tensors.count") } : undefined;
}
