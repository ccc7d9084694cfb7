// The native calls of the embedded engine and nothing around them: PROGRAM MODEL THREADS. A line of token arrays on standard input is one loop
// over them; its answer is a line with its milliseconds.
import { createInterface } from "node:readline";
import { getLlama } from "node-llama-cpp";
import { createEmbeddingContext } from "../../../adapters/node-llama-cpp/addon.ts";

const [, , path = "", threads = "1"] = process.argv;
const STEP = 512;

const llama = await getLlama({ gpu: "auto", build: "never", progressLogs: false, maxThreads: Number(threads), logger: () => {} });
const model = await llama.loadModel({ modelPath: path });
const sizes = { context: STEP, step: STEP, threads: Number(threads), ranks: false };
const { native } = await createEmbeddingContext(model, sizes);

console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  const inputs = (JSON.parse(line) as number[][]).map((tokens) => Uint32Array.from(tokens));
  const began = performance.now();
  for (const tokens of inputs) {
    native.disposeSequence(0);
    native.initBatch(tokens.length);
    native.addToBatch(0, 0, tokens, Uint32Array.of(tokens.length - 1));
    await native.decodeBatch();
    native.getEmbedding(tokens.length);
  }
  console.log(performance.now() - began);
}
