// What ingle is compared with: node-llama-cpp's own loop, `sequence.evaluate`, in one process and nothing around it, in the best
// setting known: Node with one pool thread (chat.ts starts it so), all cores, and batches held back until every sequence is in.
// A line `{"prompts": […], "max_tokens": n}` on standard input is one run; its answer is a line of `Run`.
import { createInterface } from "node:readline";
import { getLlama, LlamaLogLevel, type CustomBatchingPrioritizationStrategy, type Token } from "node-llama-cpp";
import { availableParallelism } from "node:os";

export interface Run {
  tokens: number;
  /** Of the whole run, in milliseconds. */
  ms: number;
  /** Until the first token of each stream, in milliseconds. */
  first_ms: number[];
}

const [path = "", slots = "4", context = "2048"] = process.argv.slice(2);
const threads = availableParallelism();

let active = 0;
let held = 0;
const everyoneFirst: CustomBatchingPrioritizationStrategy = ({ items, size }) => {
  if (items.length < active && held < 20) {
    held++;
    return [];
  }
  held = 0;
  let room = size;
  return items.flatMap((item) => {
    const processAmount = Math.min(room, item.tokens.length);
    room -= processAmount;
    return processAmount > 0 ? { item, processAmount } : [];
  });
};

const llama = await getLlama({
  gpu: "auto",
  build: "never",
  skipDownload: true,
  progressLogs: false,
  maxThreads: threads,
  logLevel: LlamaLogLevel.error,
});
const model = await llama.loadModel({ modelPath: path });
const loaded = await model.createContext({
  sequences: Number(slots),
  contextSize: Number(context),
  batchSize: 512,
  threads,
  failedCreationRemedy: false,
  batching: { itemPrioritizationStrategy: everyoneFirst },
});

async function stream(prompt: string, seed: number, max_tokens: number): Promise<{ tokens: number; first_ms: number }> {
  const sequence = loaded.getSequence();
  const started = performance.now();
  const tokens = model.tokenize(prompt, true);
  let count = 0;
  let first_ms = 0;
  active++;
  const sampling = { temperature: 0.7, topK: 40, topP: 0.95, minP: 0, seed, yieldEogToken: true };
  for await (const token of sequence.evaluate(tokens, sampling)) {
    if (count === 0) first_ms = performance.now() - started;
    model.detokenize([token as Token]);
    count++;
    if (count === max_tokens || model.isEogToken(token)) break;
  }
  active--;
  sequence.dispose();
  return { tokens: count, first_ms };
}

console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  const { prompts, max_tokens } = JSON.parse(line) as { prompts: string[]; max_tokens: number };
  const started = performance.now();
  const streams = await Promise.all(prompts.map((prompt, seed) => stream(prompt, seed, max_tokens)));
  const run: Run = {
    tokens: streams.reduce((sum, { tokens }) => sum + tokens, 0),
    ms: performance.now() - started,
    first_ms: streams.map(({ first_ms }) => first_ms),
  };
  // A disposed sequence is free only in the next turn of the event loop.
  await new Promise((done) => setTimeout(done, 20));
  console.log(JSON.stringify(run));
}
process.exit(0);
