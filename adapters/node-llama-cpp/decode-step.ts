// One step of the batch: what each turn feeds, the decode of it all, and the tokens that come out.
import type { AddonContext } from "./addon.ts";
import type { RunningGeneration, EmbeddedSlot } from "./slot.ts";
import type { ComputeThreads } from "./compute-threads.ts";

export interface DecodeSteps {
  /** `Batcher.warmUp`. */
  warmUp(token: number): Promise<void>;
  /** One step of these slots, each of which has a turn. Throws where the decode fails. */
  step(active: readonly EmbeddedSlot[]): Promise<void>;
}

export interface DecodeStepsOptions {
  /** Tokens one step may decode. */
  batch: number;
  threads: ComputeThreads;
  /** The turn of the slot cannot go on. */
  fail(slot: EmbeddedSlot, error: unknown): void;
}

// While others generate, a prompt is read in smaller pieces: each piece is the time they wait for their next token.
const PROMPT_PIECE_AMONG_OTHERS = 128;

// Two with all threads, one with fewer: enough for a first choice between them.
const WARM_UP_STEPS = 3;

export function createDecodeSteps(context: AddonContext, { batch, threads, fail }: DecodeStepsOptions): DecodeSteps {
  return { warmUp, step };

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

  async function step(active: readonly EmbeddedSlot[]): Promise<void> {
    const pieces = share(active);
    const size = pieces.reduce((sum, { tokens }) => sum + tokens.length, 0);
    context.initBatch(size);
    const sampled: { slot: EmbeddedSlot; turn: RunningGeneration; place: number }[] = [];
    for (const { slot, turn, tokens } of pieces) {
      const last = turn.next !== undefined || tokens.length === turn.unread.length;
      const [place] = context.addToBatch(
        slot.sequence,
        slot.tokens.length,
        Uint32Array.from(tokens),
        last ? Uint32Array.of(tokens.length - 1) : new Uint32Array(),
      );
      if (last) sampled.push({ slot, turn, place: place! });
    }
    await decode(size);
    for (const { slot, turn, tokens } of pieces) advance(slot, turn, tokens, pieces.length === 1);
    const tokens = await Promise.all(sampled.map(({ turn, place }) => context.sampleToken(place, turn.sampler)));
    sampled.forEach(({ slot, turn }, i) => {
      const token = tokens[i]!;
      if (token < 0) return fail(slot, new Error("The engine could not sample a token."));
      turn.next = token;
      if (!turn.stopped && !turn.onToken(token, turn.cached)) turn.stopped = true;
    });
    // The next step takes all cores: a token on its way to a client is to be out before.
    await new Promise((done) => setImmediate(done));
  }

  async function decode(size: number): Promise<void> {
    context.setThreads(threads.next(size));
    const started = performance.now();
    await context.decodeBatch();
    threads.record(performance.now() - started);
  }

  /** What each turn feeds in this step: one token where it generates, else as much of its prompt as there is room for. */
  function share(active: readonly EmbeddedSlot[]): { slot: EmbeddedSlot; turn: RunningGeneration; tokens: readonly number[] }[] {
    const generating = active.filter(({ generation: turn }) => turn!.next !== undefined);
    let room = generating.length === 0 ? batch : Math.min(batch - generating.length, PROMPT_PIECE_AMONG_OTHERS);
    return active.flatMap((slot) => {
      const turn = slot.generation!;
      if (turn.next !== undefined) return { slot, turn, tokens: [turn.next] };
      const tokens = turn.unread.slice(0, Math.max(0, room));
      room -= tokens.length;
      return tokens.length === 0 ? [] : { slot, turn, tokens };
    });
  }

  function advance(slot: EmbeddedSlot, turn: RunningGeneration, tokens: readonly number[], alone: boolean): void {
    if (alone && tokens.length === batch && slot.exact === slot.tokens.length) slot.exact += batch;
    slot.tokens.push(...tokens);
    if (turn.next !== undefined) return;
    turn.unread = turn.unread.slice(tokens.length);
    if (turn.unread.length > 0 && !turn.stopped) turn.onPrompt(slot.tokens.length);
  }
}
