// A model whose logits are known beforehand: they depend on the last token alone, and each of its tokens is a byte.
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { InstalledModel } from "../../models/manifest.ts";
import {
  floats,
  llamaShape,
  llamaTensors,
  pair,
  text,
  VALUE,
  vocabulary,
  writeGguf,
  type GgufTensor,
} from "../../models/gguf/writer.ts";
import { byteTokens } from "./token-answers.ts";

/** Logits by the last character of the text so far, and by the next one, each of one byte; 0 where nothing is said. */
export type ForcedLogits = Record<string, Record<string, number>>;

const WIDTH = 64;
const SHAPE = { context_length: 2048, embedding_length: WIDTH, block_count: 1, feed_forward_length: 64, head_count: 4 };
const TOKENS = 259;
const F32 = 0;
// The one part of the norm that llama.cpp adds to what is divided by it.
const NORM = Math.sqrt(1 + 1e-5);

/** A file of its own, as an installed model. */
export async function forcedModel(logits: ForcedLogits, template: string): Promise<InstalledModel> {
  const path = join(await mkdtemp(join(tmpdir(), "ingle-forced-")), "forced.gguf");
  const pairs = [...llamaShape("forced", SHAPE), ...vocabulary([])];
  await writeFile(path, writeGguf([...pairs, pair("tokenizer.chat_template", VALUE.string, text(template))], tensors(logits)));
  return { id: "forced", path, settings: {} };
}

/** Attention and feed-forward add nothing, so what the norm sees is the last token's class: one dimension for each. */
function tensors(logits: ForcedLogits): GgufTensor[] {
  const classes = Object.keys(logits).map((character) => byteTokens(character)[0]!);
  const embedding = zeros(TOKENS * WIDTH);
  for (let token = 0; token < TOKENS; token++) {
    embedding[token * WIDTH + 1 + classes.indexOf(token)] = Math.sqrt(WIDTH);
  }
  const output = zeros(TOKENS * WIDTH);
  for (const [index, next] of Object.values(logits).entries()) {
    for (const [character, logit] of Object.entries(next)) {
      output[byteTokens(character)[0]! * WIDTH + 1 + index] = (logit * NORM) / Math.sqrt(WIDTH);
    }
  }
  return llamaTensors(SHAPE, TOKENS).map(({ name, dims }) => {
    const length = dims.reduce((product, dim) => product * dim, 1);
    const values = name === "token_embd.weight" ? embedding : name === "output.weight" ? output : undefined;
    return { name, dims, type: F32, data: floats(values ?? (dims.length === 1 ? zeros(length).fill(1) : zeros(length))) };
  });
}

const zeros = (length: number): number[] => Array.from({ length }, () => 0);
