// Whole files, as far as a reader of headers can tell, that llama.cpp cannot load: each with the reason that clients are to read.
import { Buffer } from "node:buffer";
import type { TinyGguf } from "./tiny-gguf.ts";

type Mutate = NonNullable<TinyGguf["mutate"]>;

export const UNLOADABLE: Record<string, { mutate: Mutate; reason: string }> = {
  "another architecture": {
    mutate: valueOf("general.architecture", (value) => value.write("llamb", 8)),
    reason: 'the engine does not know its architecture "llamb". A newer release of it may.',
  },
  "an architecture whose name is no name": {
    mutate: valueOf("general.architecture", (value) => value.write("a </s", 8)),
    reason: "the engine does not know its architecture. A newer release of it may.",
  },
  "another tokenizer": {
    mutate: valueOf("tokenizer.ggml.model", (value) => value.write("llamz", 8)),
    reason: 'the engine does not know its tokenizer "llamz". A newer release of it may.',
  },
  "no vocabulary": {
    mutate: renamed("tokenizer.ggml.tokens", "tokenizer.ggml.toqens"),
    reason: "its file lacks its vocabulary, or a part of it.",
  },
  "a token twice": { mutate: renamed("<0x41>", "<0x42>"), reason: "its vocabulary is damaged." },
  "a tensor of another name": {
    mutate: renamed("blk.1.ffn_up.weight", "blk.1.ffn_uq.weight"),
    reason: 'its file lacks weights that it needs: "blk.1.ffn_up.weight".',
  },
  "a tensor of another shape": {
    mutate: tensorInfo("blk.1.ffn_up.weight", (info) => {
      info.writeBigUInt64LE(128n, 4);
      info.writeBigUInt64LE(64n, 12);
    }),
    reason: 'the weights "blk.1.ffn_up.weight" in its file have another shape than its header says.',
  },
  "a layer too many": {
    mutate: valueOf("llama.block_count", (value) => value.writeUInt32LE(1)),
    reason: "its file has other weights than its header says.",
  },
  "a tensor of a type that was given up": {
    mutate: tensorInfo("blk.1.ffn_up.weight", (info) => info.writeUInt32LE(4, 20)),
    reason: 'the engine does not know how its weights "blk.1.ffn_up.weight" are quantised. A newer release of it may.',
  },
  "no count of layers": {
    mutate: renamed("llama.block_count", "llama.bloqk_count"),
    reason: 'its header lacks a value that it needs: "llama.block_count".',
  },
  "numbers that contradict each other": {
    mutate: valueOf("llama.attention.head_count", (value) => value.writeUInt32LE(3)),
    reason: "the numbers in its header contradict each other.",
  },
  "no layers": {
    mutate: valueOf("llama.block_count", (value) => value.writeUInt32LE(0)),
    reason: "the numbers in its header contradict each other.",
  },
};

function renamed(name: string, other: string): Mutate {
  return (bytes) => void Buffer.from(bytes.buffer).write(other, placeOf(bytes, name));
}

/** `change` gets the value of the key, behind its type. */
function valueOf(key: string, change: (value: Buffer) => void): Mutate {
  return (bytes) => change(Buffer.from(bytes.buffer, placeOf(bytes, key) + key.length + 4));
}

/** `change` gets the count of dimensions and what follows: dimensions, type, offset. */
function tensorInfo(name: string, change: (info: Buffer) => void): Mutate {
  return (bytes) => change(Buffer.from(bytes.buffer, placeOf(bytes, name) + name.length));
}

function placeOf(bytes: Uint8Array<ArrayBuffer>, name: string): number {
  const at = Buffer.from(bytes.buffer).indexOf(name);
  if (at < 0) throw new Error(`The file does not have ${name}.`);
  return at;
}
