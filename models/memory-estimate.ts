// Estimates from its header, before a download and before a load, whether a model fits in this machine's memory.
import { type AdapterOptions, cacheNumberBytes } from "./adapter-options.ts";
import { embeddingSizes, STEP_TOKENS } from "./embedding-sizes.ts";
import type { GgufHeader } from "./gguf/header.ts";
import { hasMemory } from "./gguf/memory.ts";
import { taskFacts } from "./gguf/task-facts.ts";
import { writesText } from "./tasks.ts";

/** Bytes. */
export interface MemoryNeed {
  /** The tensors, once: where the engine copies them, the system takes the pages of the file back when it needs them. */
  weights: number;
  /** The KV caches and states of all slots. */
  context: number;
  /** The engine's own process, its tokenizer and its compute buffers. */
  compute: number;
  total: number;
}

/** `slots` generations at a time, each with `context` tokens of its own. */
export interface ContextLoad {
  slots: number;
  context: number;
}

/** What a user has set of a load; the rest is left to what memory allows. */
export type RequestedLoad = { [Name in keyof ContextLoad]?: number | undefined };

/** Tokens of a slot where neither the command line nor the model's record sets them: the least, where memory is short or unknown. */
export const DEFAULT_CONTEXT = 4096;

/** Tokens of a slot at most, where nothing sets them. The first prompt of a coding agent has 8,000 to 18,000. */
const LARGEST_DEFAULT_CONTEXT = 32_768;

/** Slots of a model where nothing sets them. Of these the most with which a slot keeps `ENOUGH_CONTEXT`. */
const DEFAULT_SLOTS = [4, 3, 2] as const;

/** What a model has before its memory is looked at, and where it cannot be. */
export const [MOST_DEFAULT_SLOTS, , LEAST_DEFAULT_SLOTS] = DEFAULT_SLOTS;

/** Tokens: less is given to a slot only when there are no fewer slots to be had. */
const ENOUGH_CONTEXT = 8192;

/** Free memory is never twice the same, and saved states are good for one length of context alone: so that is not taken to the last token. */
const DEFAULT_CONTEXT_STEP = 2048;

/**
 * Copies of what the layers with a window hold, of which a slot of llama-server keeps so many to go back to earlier points of a conversation: two or
 * three are made a turn. Its own 32 would take many times the memory of the caches.
 */
export const CHECKPOINTS = 8;

/** llama.cpp rounds the context of a slot up to a multiple of this, as far as the model was trained. */
export const CONTEXT_STEP = 256;

// Where the numbers come from: node-llama-cpp 3.22.1 on a processor, batches of 512, in a child process on Node 26, Linux x64.
// Peak of the child's resident memory after prompts in all slots, in MiB, and in brackets what `estimateMemory` gives:
//
//   SmolLM2 135M Q4_1, 1 x  512: 298 (320)   2 x  512: 314 (331)   4 x  512: 339 (354)
//                      1 x 4096: 384 (402)   2 x 4096: 476 (492)   4 x 4096: 659 (673)
//   the tiny model     1 x  512: 137 (138)   4 x 4096: 147 (150)
//   256,000 words      1 x  512: 521 (608)   and as many merges, on two layers 64 wide
//   8 layers 2048 wide 1 x  512: 834 (878)   1 x 32768: 1344 (1413); Q8_0
//                      1 x  512: 808 (583)   Q4_K, which the engine repacks: 296 of the 808 are pages of the file that it has copied
const MiB = 1024 * 1024;
const PROCESS = 136 * MiB;
/** Bytes for each token and each merge that the tokenizer holds, in JavaScript and in C++. */
const TOKENIZER_ITEM = 704;
/** A tokenizer of 150,000 tokens, and the compute buffers of a model with a few billion parameters. */
export const ROUGH_COMPUTE = 320 * MiB;

/** `extra_bytes`: files that are loaded beside this one, such as the other files of a split model. `options`: of the model. */
export function estimateMemory(header: GgufHeader, load: ContextLoad, extra_bytes = 0, options: AdapterOptions = {}): MemoryNeed {
  const weights = header.tensor_bytes + extra_bytes;
  const { sight, window } = hasMemory(header) ? cacheBytes(header, load.context, options) : { sight: 0, window: 0 };
  const state = 4 * header.block_count * header.state_length; // the same however long the text of a slot is
  const context = load.slots * (sight + window * (1 + CHECKPOINTS) + state);
  const compute = computeBytes(header, load, options);
  return { weights, context, compute, total: weights + context + compute };
}

/** The estimate without a header, from the size of the weights and what a token of context takes, in bytes. */
export function estimateRoughly(weights: number, token_bytes: number, { slots, context }: ContextLoad): MemoryNeed {
  const kept = slots * roundContext(context) * token_bytes;
  const compute = PROCESS + ROUGH_COMPUTE;
  return { weights, context: kept, compute, total: weights + kept + compute };
}

/**
 * The largest context, in tokens of one slot, that `fits`: a multiple of 256, at most the one the model was trained on (but 256 where that is
 * less, and 131,072 where the file does not say it); 0 where not even 256 tokens do.
 */
export function largestContext(trained: number | undefined, fits: (context: number) => boolean): number {
  let most = Math.max(1, Math.floor((trained ?? 131_072) / CONTEXT_STEP));
  let least = 0;
  while (least < most) {
    const middle = Math.ceil((least + most) / 2);
    if (fits(middle * CONTEXT_STEP)) least = middle;
    else most = middle - 1;
  }
  return least * CONTEXT_STEP;
}

/** What is to be known of a model to choose its load. */
export interface ModelSizes {
  /** Tokens that it was trained on, where that is known. */
  trained: number | undefined;
  /** Bytes of main memory that a load takes. */
  total(load: ContextLoad): number;
  /** The largest context that fits in so many bytes of main memory, as `largestContext`. */
  largest(slots: number, bytes: number): number;
  /** The largest with which graphics cards hold all of it, as `largestContext`; absent where there is no card. */
  largestOnCards?(slots: number): number;
}

/**
 * The load with what is `set`. A context that nothing sets is what the model was trained on, up to 32,768, as far as half of `budget` allows,
 * so that another model fits beside it; and no more than graphics cards hold, where they hold 4,096 tokens of each slot. Slots that nothing sets are four, or as few as two where a slot would have less than 8,192 tokens with
 * more, or where a context that is set would not fit.
 */
export function chooseLoad(set: RequestedLoad, sizes: ModelSizes, budget: number): ContextLoad {
  const { trained = Infinity } = sizes;
  const most = Math.min(trained, LARGEST_DEFAULT_CONTEXT);
  const loadWith = (slots: number): ContextLoad => {
    const usual = (): number => {
      const on_cards = sizes.largestOnCards?.(slots) ?? 0;
      const held = on_cards < DEFAULT_CONTEXT ? Infinity : on_cards;
      return defaultContext(most, Math.min(held, sizes.largest(slots, budget / 2)));
    };
    return { slots, context: Math.min(roundContext(set.context ?? usual()), trained) };
  };
  const [bytes, enough] = set.context === undefined ? [budget / 2, Math.min(ENOUGH_CONTEXT, most)] : [budget, 0];
  const isEnough = (load: ContextLoad): boolean => load.context >= enough && sizes.total(load) <= bytes;
  const loads = (set.slots === undefined ? DEFAULT_SLOTS : [set.slots]).map(loadWith);
  return loads.find(isEnough) ?? loads.at(-1)!;
}

/** `fits`: the largest context that does. */
function defaultContext(most: number, fits: number): number {
  // What fits is a whole number of steps, and what the model was trained on may lie between two.
  if (fits + CONTEXT_STEP > most) return most;
  const step = Math.floor(fits / DEFAULT_CONTEXT_STEP) * DEFAULT_CONTEXT_STEP;
  return Math.max(step, Math.min(DEFAULT_CONTEXT, most));
}

/**
 * Bytes of keys and values in the caches of a slot: of the layers in whose sight the whole context is, and of those with a
 * sliding window, which hold that and what is computed at a time, as `size_swa` in
 * https://github.com/ggml-org/llama.cpp/blob/master/src/llama-kv-cache-iswa.cpp.
 */
function cacheBytes(header: GgufHeader, context: number, options: AdapterOptions): { sight: number; window: number } {
  const { block_count, head_count_kv, key_length, value_length, sliding_window = Infinity, windowed = [] } = header;
  const cells = roundContext(context);
  const windowed_cells = Math.min(cells, roundContext(sliding_window + STEP_TOKENS));
  let [all, some] = [0, 0];
  for (let layer = 0; layer < block_count; layer++) {
    const heads = Array.isArray(head_count_kv) ? (head_count_kv[layer] ?? 0) : head_count_kv;
    if (windowed[layer]) some += heads;
    else all += heads;
  }
  const { cache_type_k, cache_type_v } = options;
  const cell = cacheNumberBytes(cache_type_k) * key_length + cacheNumberBytes(cache_type_v) * value_length;
  return { sight: all * cell * cells, window: some * cell * windowed_cells };
}

/**
 * llama.cpp reserves 512 rows of logits as well, but a generation uses one for each slot, and the system gives no memory for pages
 * that are never touched. A model that could write, and makes vectors, uses all of them.
 */
function computeBytes(header: GgufHeader, load: ContextLoad, options: AdapterOptions): number {
  const { causal, writes, step } = stepOf(header, load, options);
  const rows = writes ? 2 * load.slots : causal ? step : 0;
  const logits = 4 * rows * header.vocab_size;
  return PROCESS + TOKENIZER_ITEM * (header.vocab_size + header.merge_count) + stepBytes(header, load, options) + logits;
}

/** Bytes of what one step is computed in, without its logits: whatever computes has that, the processor or a card. */
export function stepBytes(header: GgufHeader, load: ContextLoad, options: AdapterOptions): number {
  const { causal, step } = stepOf(header, load, options);
  const heads = Math.max(...[header.head_count].flat(), 0);
  const width = Math.max(header.embedding_length, heads * header.key_length);
  const batch = 4 * step * (4 * width + 3 * (header.feed_forward_length || 4 * width));
  const seen = roundContext(causal ? load.context : step);
  const mask = 2 * step * seen;
  // Each head keeps what each token of a batch makes of each token that it sees.
  const attention = options.flash_attention === false ? 4 * step * heads * seen : 0;
  return batch + mask + attention;
}

function stepOf(header: GgufHeader, { context }: ContextLoad, options: AdapterOptions) {
  const facts = { ...taskFacts(header), adapter_options: options };
  const writes = writesText(facts);
  return { causal: facts.causal, writes, step: writes ? STEP_TOKENS : embeddingSizes(facts, context).step };
}

const roundContext = (context: number): number => Math.ceil(context / CONTEXT_STEP) * CONTEXT_STEP;
