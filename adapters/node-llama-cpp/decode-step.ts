// One step of the batch: what each generation feeds, the decode of it all, and the tokens that are sampled.
import type { BatchContext } from "./addon.ts";
import type { ComputeThreads } from "./compute-threads.ts";
import { copySlot } from "./slot-states.ts";
import type { EmbeddedSlot, RunningGeneration } from "./slot.ts";
import type { SampledToken } from "./likelihood.ts";

/** What one generation feeds in a step. */
interface BatchPiece {
  slot: EmbeddedSlot;
  generation: RunningGeneration;
  tokens: readonly number[];
}

/** A generation that gets a token from the logits at `index`. */
interface DueToken {
  slot: EmbeddedSlot;
  generation: RunningGeneration;
  index: number;
}

/** Tokens of a prompt that are scored: `indexes` has the logits of the token at `from`, and of those behind it. */
interface ScoredPiece {
  generation: RunningGeneration;
  indexes: Uint32Array;
  from: number;
}

// While others generate, a prompt is read in smaller pieces: each piece is the time they wait for their next token.
const PROMPT_PIECE_AMONG_OTHERS = 128;

// llama.cpp keeps the logits of all tokens of a step: of this many, those of the largest vocabularies take some 64 MB.
const SCORED_PIECE = 64;

// Two steps with all threads and one with fewer are enough for a first choice between them.
const WARM_UP_STEPS = 3;

export interface DecodeStepsOptions {
  /** Tokens one step may decode. */
  batch: number;
  /** Native calls run one after the other, in the order in which they are made: then a sample is asked for before its decode is over. */
  in_order?: boolean | undefined;
  threads: ComputeThreads;
}

export function createDecodeSteps(context: BatchContext, { batch, in_order = false, threads }: DecodeStepsOptions) {
  return { warmUp, step };

  /** Before the first generation: reads the weights once and finds out how many threads are fast right now. */
  async function warmUp(token: number): Promise<void> {
    for (let step = 0; step <= WARM_UP_STEPS; step++) {
      context.initBatch(1);
      context.addToBatch(0, step, Uint32Array.of(token), new Uint32Array());
      // The first step may wait for the disk and says nothing of the threads.
      if (step === 0) await context.decodeBatch();
      else await decode(1);
    }
    context.disposeSequence(0);
  }

  /** One step of these slots, each of which has a generation that reads or samples. Throws where the decode fails. */
  async function step(active: readonly EmbeddedSlot[]): Promise<void> {
    for (const slot of active) if (slot.generation!.source !== undefined) await copyPrompt(slot, slot.generation!);
    const pieces = fillBatch(active);
    const size = pieces.reduce((sum, { tokens }) => sum + tokens.length, 0);
    context.initBatch(size);
    const due: DueToken[] = [];
    const known: ScoredPiece[] = [];
    for (const { slot, generation, tokens } of pieces) {
      const last = generation.next !== undefined || tokens.length === generation.unread.length;
      const scored = generation.next === undefined && generation.task.scores !== undefined;
      const wanted = scored ? Uint32Array.from(tokens.keys()) : last ? Uint32Array.of(tokens.length - 1) : new Uint32Array();
      const indexes = context.addToBatch(slot.sequence, slot.tokens.length, Uint32Array.from(tokens), wanted);
      if (scored) known.push({ generation, indexes, from: slot.tokens.length + 1 });
      if (last) due.push(...dueTokens(slot, generation, indexes.at(-1)!));
    }
    const decoding = decode(size);
    if (!in_order) await decoding;
    const sampling = due.map(({ generation, index }) => generation.sampler.sample(index));
    // Behind a decode that failed a sample means nothing, and is waited for all the same: no native call may run any more.
    const [, ...sampled] = await Promise.allSettled([decoding, ...sampling]);
    await decoding;
    for (const piece of known) await score(piece);
    for (const slot of active) slot.unsettled = false;
    for (const piece of pieces) advance(piece, pieces.length === 1);
    due.forEach((token, i) => deliver(token, sampled[i]!));
  }

  /** The slot of a further choice gets the prompt's cells in the step that decodes its first token. */
  async function copyPrompt(slot: EmbeddedSlot, generation: RunningGeneration): Promise<void> {
    await copySlot(context, slot, generation.source!);
    generation.source = undefined;
  }

  async function decode(size: number): Promise<void> {
    context.setThreads(threads.next(size));
    const started = performance.now();
    await context.decodeBatch();
    threads.record(performance.now() - started);
  }

  /** One token of each generation that samples, else as much of its prompt as there is space for. */
  function fillBatch(active: readonly EmbeddedSlot[]): BatchPiece[] {
    const sampling = active.filter(({ generation }) => generation!.next !== undefined).length;
    let space = sampling === 0 ? batch : Math.min(batch - sampling, PROMPT_PIECE_AMONG_OTHERS);
    return active.flatMap((slot) => {
      const generation = slot.generation!;
      if (generation.next !== undefined) return { slot, generation, tokens: [generation.next] };
      const most = generation.task.scores === undefined ? space : Math.min(space, SCORED_PIECE);
      const tokens = generation.unread.slice(0, Math.max(0, most));
      space -= tokens.length;
      return tokens.length === 0 ? [] : { slot, generation, tokens };
    });
  }

  function advance({ slot, generation, tokens }: BatchPiece, alone: boolean): void {
    if (alone && tokens.length === batch && slot.exact === slot.tokens.length) slot.exact += batch;
    slot.tokens.push(...tokens);
    if (generation.next !== undefined) return;
    generation.unread = generation.unread.slice(tokens.length);
    if (generation.unread.length > 0 && !generation.stopped) generation.task.onPrompt(slot.tokens.length);
  }
}

/** The generation fails where its tokens cannot be scored: what its slot holds stays right. */
async function score({ generation, indexes, from }: ScoredPiece): Promise<void> {
  const { task, stopped } = generation;
  if (stopped) return;
  try {
    const tokens: SampledToken[] = [];
    for (const [i, index] of indexes.entries()) {
      const token = task.prompt[from + i];
      if (token !== undefined) tokens.push(await task.scores!.likelihoods.of(token, index));
    }
    if (!generation.stopped) task.scores!.onScored(tokens);
  } catch (error) {
    generation.stopped = true;
    task.onError(error);
  }
}

/** All choices draw their first token from what the first one has read. Those that were stopped may have lost their slots. */
function dueTokens(slot: EmbeddedSlot, first: RunningGeneration, index: number): DueToken[] {
  const due = [{ slot, generation: first, index }];
  for (const other of first.further) {
    const { generation } = other;
    if (generation?.source !== slot) continue;
    generation.cached = first.cached;
    due.push({ slot: other, generation, index });
  }
  first.further = [];
  return due;
}

/** Gives a generation its token, or the reason why it has none: what its slot holds stays right. */
function deliver({ slot, generation }: DueToken, sampled: PromiseSettledResult<SampledToken>): void {
  const { task, choice, cached, stopped } = generation;
  if (sampled.status === "rejected") {
    generation.stopped = true;
    if (!stopped) task.onError(sampled.reason);
    return;
  }
  generation.next = sampled.value.token;
  if (!stopped && !task.onToken(sampled.value, { choice, cached, sequence: slot.sequence })) generation.stopped = true;
}
