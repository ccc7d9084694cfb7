// `npm run bench:embeddings`: vectors of 256 short texts, and chats beside them, in alternating pairs. The rows compare ingle with llama-server itself
// in the same setting, the embedded engine with a bare loop of the same native calls, and a chat beside a batch with the same chat alone.
// PAIRS=n (15), ONLY=server,loop,chat and ADAPTERS=node-llama-cpp,llama-server make it longer or shorter; THREADS=n leaves room for other work.
import { cpus } from "node:os";
import { realEncoder } from "../support/real-encoder.ts";
import { realModel } from "../support/real-model.ts";
import { embedAll, startBareLoop, tokensOf } from "./embeddings/subjects.ts";
import { story } from "./engines/prompts.ts";
import { adapter, bun, direct, embedded, startClient, type Setup, type Subject, THREADS } from "./engines/subjects.ts";
import { pairedRatios, printHeads, printRatios } from "./paired-ratios.ts";

const PAIRS = Number(process.env.PAIRS ?? 15);
const ONLY = (process.env.ONLY ?? "server,loop,chat").split(",");
const ADAPTERS = (process.env.ADAPTERS ?? "node-llama-cpp,llama-server").split(",");
const WARM_UP = 2;
const SLOTS = 4;
const MAX_TOKENS = 64;
const GOALS = { server: 0.98, loop: 0.9, chat: 0.667 };

const TEXTS = Array.from(
  { length: 256 },
  (_, index) => `King ${index} walked to the old castle alone, and the cat slept on the mat.`,
);

async function encoder(): Promise<Setup> {
  const { path, skip } = await realEncoder("mean");
  if (skip !== undefined) throw new Error(`There is no model for embeddings: ${skip}.`);
  return { model: { id: "minilm", path, settings: {} }, slots: SLOTS, context: 512 };
}

/** The id that ingle gave the only model of its server. */
async function idOf({ url }: Subject): Promise<string> {
  const { data } = (await (await fetch(`${url}/v1/models`, { headers: { "openai-beta": "assistants=v2" } })).json()) as {
    data: { id: string }[];
  };
  return data[0]!.id;
}

/** How llama-server is started behind ingle, as far as it matters here. */
const SAME = [
  "--embedding",
  "--pooling",
  "mean",
  "--batch-size",
  "512",
  "--ubatch-size",
  "512",
  "--poll",
  "0",
  "--no-kv-unified",
];

async function besideDirect(): Promise<number[] | undefined> {
  const setup = await encoder();
  const [ours, theirs] = [await adapter(setup), await direct(setup, SAME)];
  if (ours === undefined || theirs === undefined) return undefined;
  try {
    const ids = [await idOf(ours), "bench"];
    return await pairedRatios({ pairs: PAIRS, warm_up: WARM_UP }, async (side) => {
      return 1 / (await embedAll([ours, theirs][side]!.url, ids[side]!, TEXTS));
    });
  } finally {
    await Promise.all([ours.stop(), theirs.stop()]);
  }
}

async function besideLoop(): Promise<number[]> {
  const setup = await encoder();
  const ours = await embedded(bun(), setup);
  const loop = await startBareLoop(setup.model.path);
  try {
    const id = await idOf(ours);
    const tokens = await Promise.all(TEXTS.map((text) => tokensOf(ours.url, id, text)));
    return await pairedRatios({ pairs: PAIRS, warm_up: WARM_UP }, async (side) => {
      return 1 / (side === 0 ? await embedAll(ours.url, id, TEXTS) : await loop.run(tokens));
    });
  } finally {
    loop.stop();
    await ours.stop();
  }
}

/** Tokens a second of one chat while batches of the same model run, against those without. */
async function chatBeside(name: string): Promise<number[] | undefined> {
  const setup = { model: await realModel(), slots: SLOTS, context: 1_024 };
  const ours = name === "llama-server" ? await adapter(setup) : await embedded(bun(), setup);
  if (ours === undefined) return undefined;
  const client = await startClient();
  const id = await idOf(ours);
  try {
    return await pairedRatios({ pairs: PAIRS, warm_up: WARM_UP }, async (side, pair) => {
      const leave = new AbortController();
      // More than are computed in the time of the chat.
      const batch = side === 0 ? embedAll(ours.url, id, [...TEXTS, ...TEXTS, ...TEXTS, ...TEXTS], leave.signal) : undefined;
      const left = batch?.then(
        () => {
          throw new Error("The batch ended before the chat.");
        },
        () => {},
      );
      const bodies = [story(`${side}/${pair}.`, 1, MAX_TOKENS, { ignore_eos: true })];
      const [outcome] = await client.run({ url: ours.url, bodies });
      leave.abort();
      await left;
      return outcome!.tokens / outcome!.ms;
    });
  } finally {
    client.stop();
    await ours.stop();
  }
}

console.log(`${cpus()[0]?.model}, ${cpus().length} cores, ${THREADS} threads; ${TEXTS.length} texts\n`);
printHeads();
const print = (row: string, ratios: number[] | undefined, goal: number): void => {
  if (ratios !== undefined) printRatios(row, ratios, goal);
};
if (ONLY.includes("server")) print("llama-server behind ingle : llama-server direct", await besideDirect(), GOALS.server);
if (ONLY.includes("loop")) print("the embedded engine : a bare loop of its calls", await besideLoop(), GOALS.loop);
if (ONLY.includes("chat"))
  for (const name of ADAPTERS) print(`a chat beside a batch : the same alone, ${name}`, await chatBeside(name), GOALS.chat);
