// Continuous batching: every step decodes one token of each generating turn and, with the room that is left, the next piece of
// the prompts. One loop owns the native context, so a turn that comes, goes or is aborted takes effect at the next step.
import type { Addon, AddonSampler, SamplerConfig } from "./addon.ts";
import { steadyThreads } from "./threads.ts";

export interface TurnOptions {
  prompt: readonly number[];
  sampling: SamplerConfig;
  /** Reuse of earlier turns only where the numbers come out the same as without it. */
  repeatable: boolean;
  /** A piece of the prompt was read, and more is to come. */
  onPrompt(read: number): void;
  /**
   * Every sampled token, in order: is another one wanted? On the hot path, and must not throw.
   * `cached`: prompt tokens that a slot still held.
   */
  onToken(token: number, cached: number): boolean;
  onError(error: unknown): void;
}

export interface Batcher {
  /** Before the first turn: reads the weights once and finds out how many threads are fast right now. */
  warmUp(token: number): Promise<void>;
  /** Begins a turn as soon as a slot is free. Answers with what stops it before the next step; that is safe at any time. */
  start(options: TurnOptions): () => void;
  /** Fails the turns that run and wait, and settles when no native call runs any more. */
  close(reason: unknown): Promise<void>;
}

export interface BatcherOptions {
  slots: number;
  /** Tokens one step may decode. */
  batch: number;
  /** Of the computation, on an idle machine. */
  threads: number;
  /** Whether a part of a sequence's memory can be forgotten (not so with recurrent or sliding-window models). */
  trimmable: boolean;
}

// While others generate, a prompt is read in smaller pieces: each piece is the time they wait for their next token.
const PROMPT_PIECE_AMONG_OTHERS = 128;

// Two with all threads, one with fewer: enough for a first choice between them.
const WARM_UP_STEPS = 3;

interface Slot {
  readonly sequence: number;
  /** The tokens whose state the native context holds. */
  tokens: number[];
  /** How many of them were read in full batches from the start, just as a fresh read would do it. */
  exact: number;
  turn: RunningTurn | undefined;
  last_used: number;
}

interface RunningTurn extends TurnOptions {
  sampler: AddonSampler;
  cached: number;
  /** Prompt tokens still to be fed. */
  unread: readonly number[];
  /** The token sampled last, to be fed next. */
  next: number | undefined;
  stopped: boolean;
}

export function createBatcher({ context, newSampler }: Addon, options: BatcherOptions): Batcher {
  const { slots: count, batch, trimmable } = options;
  const threads = steadyThreads(options.threads);
  const slots = Array.from({ length: count }, (_, sequence): Slot => {
    return { sequence, tokens: [], exact: 0, turn: undefined, last_used: 0 };
  });
  const arrivals: RunningTurn[] = [];
  let clock = 0;
  let running: Promise<void> | undefined;

  return {
    async warmUp(token) {
      for (let step = 0; step <= WARM_UP_STEPS; step++) {
        context.initBatch(1);
        context.addToBatch(0, step, Uint32Array.of(token), new Uint32Array());
        // The first step may wait for the disk and says nothing of the threads.
        if (step === 0) await context.decodeBatch();
        else await decode(1);
      }
      context.disposeSequence(0);
    },
    start(options) {
      const sampler = newSampler(options.sampling);
      const turn: RunningTurn = { ...options, sampler, cached: 0, unread: options.prompt, next: undefined, stopped: false };
      arrivals.push(turn);
      // The loop begins in a later tick, so that turns that come together are decoded together.
      running ??= Promise.resolve().then(loop);
      return () => {
        turn.stopped = true;
      };
    },
    async close(reason) {
      for (const turn of [...arrivals, ...slots.map(({ turn }) => turn)]) {
        if (turn === undefined || turn.stopped) continue;
        turn.stopped = true;
        turn.onError(reason);
      }
      await running;
    },
  };

  // The native context is touched in this loop only, between two steps: it is not made for calls during a decode.
  async function loop(): Promise<void> {
    for (;;) {
      for (const slot of slots) if (slot.turn?.stopped) release(slot);
      seat();
      const active = slots.filter(({ turn }) => turn !== undefined);
      if (active.length === 0) {
        // In the same tick as the look at the arrivals: the next one must find that nobody runs.
        running = undefined;
        return;
      }
      try {
        await step(active);
      } catch (error) {
        // What the native side has kept of the batch is unknown: these slots start afresh.
        for (const slot of active) fail(slot, error);
      }
    }
  }

  function seat(): void {
    while (arrivals.length > 0) {
      const turn = arrivals[0]!;
      const slot = turn.stopped ? undefined : choose(turn);
      if (slot === undefined && !turn.stopped) return;
      arrivals.shift();
      if (slot === undefined) {
        turn.sampler.dispose();
        continue;
      }
      trim(slot, usable(slot, turn));
      turn.cached = slot.tokens.length;
      turn.unread = turn.prompt.slice(turn.cached);
      slot.turn = turn;
      slot.last_used = ++clock;
    }
  }

  /** The free slot that holds most of the prompt already, else the one that was used longest ago. */
  function choose(turn: RunningTurn): Slot | undefined {
    const free = slots.filter((slot) => slot.turn === undefined).sort((a, b) => a.last_used - b.last_used);
    const best = free.map((slot) => ({ slot, cached: usable(slot, turn) })).sort((a, b) => b.cached - a.cached)[0];
    // A small overlap, such as a shared system prompt, is not worth another conversation's memory.
    return best !== undefined && best.cached > turn.prompt.length / 2 ? best.slot : free[0];
  }

  /** How many of the slot's tokens the turn can keep. */
  function usable(slot: Slot, { prompt, repeatable }: TurnOptions): number {
    // The last token of the prompt is always fed: its logits are what the answer begins with.
    const most = Math.min(slot.tokens.length, prompt.length - 1);
    let same = 0;
    while (same < most && slot.tokens[same] === prompt[same]) same++;
    if (repeatable) same = Math.floor(Math.min(same, slot.exact) / batch) * batch;
    return same < slot.tokens.length && !trimmable ? 0 : same;
  }

  function trim(slot: Slot, keep: number): void {
    if (keep === slot.tokens.length) return;
    if (keep > 0 && context.removeTokenCellsFromSequence(slot.sequence, keep, -1)) {
      slot.tokens.length = keep;
      slot.exact = Math.min(slot.exact, keep);
    } else forget(slot);
  }

  function forget(slot: Slot): void {
    context.disposeSequence(slot.sequence);
    slot.tokens = [];
    slot.exact = 0;
  }

  async function step(active: Slot[]): Promise<void> {
    const pieces = share(active);
    const size = pieces.reduce((sum, { tokens }) => sum + tokens.length, 0);
    context.initBatch(size);
    const sampled: { slot: Slot; turn: RunningTurn; place: number }[] = [];
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
    threads.took(performance.now() - started);
  }

  /** What each turn feeds in this step: one token where it generates, else as much of its prompt as there is room for. */
  function share(active: Slot[]): { slot: Slot; turn: RunningTurn; tokens: readonly number[] }[] {
    const generating = active.filter(({ turn }) => turn!.next !== undefined);
    let room = generating.length === 0 ? batch : Math.min(batch - generating.length, PROMPT_PIECE_AMONG_OTHERS);
    return active.flatMap((slot) => {
      const turn = slot.turn!;
      if (turn.next !== undefined) return { slot, turn, tokens: [turn.next] };
      const tokens = turn.unread.slice(0, Math.max(0, room));
      room -= tokens.length;
      return tokens.length === 0 ? [] : { slot, turn, tokens };
    });
  }

  function advance(slot: Slot, turn: RunningTurn, tokens: readonly number[], alone: boolean): void {
    if (alone && tokens.length === batch && slot.exact === slot.tokens.length) slot.exact += batch;
    slot.tokens.push(...tokens);
    if (turn.next !== undefined) return;
    turn.unread = turn.unread.slice(tokens.length);
    if (turn.unread.length > 0 && !turn.stopped) turn.onPrompt(slot.tokens.length);
  }

  function release(slot: Slot): void {
    slot.turn?.sampler.dispose();
    slot.turn = undefined;
  }

  function fail(slot: Slot, error: unknown): void {
    const { turn } = slot;
    release(slot);
    forget(slot);
    if (turn && !turn.stopped) turn.onError(error);
  }
}
