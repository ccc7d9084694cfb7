// Continuous batching: every step decodes one token of each generating turn and, with the room that is left, the next piece of
// the prompts. One loop owns the native context, so a turn that comes, goes or is aborted takes effect at the next step.
import type { Addon, AddonSampler, SamplerConfig } from "./addon.ts";
import { sameStart, type HeldSlot, type SlotStates } from "./slot-states.ts";
import type { Held } from "./state-file.ts";
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
  /** Fails the turns that run and wait, keeps what the slots hold, and settles when no native call runs any more. */
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
  /** Where the state of idle conversations is kept; absent: in the slots alone. */
  states?: SlotStates | undefined;
  /** In ms: when nothing has run for so long, the slots are written down; half a minute unless told. */
  keep_after?: number;
}

// While others generate, a prompt is read in smaller pieces: each piece is the time they wait for their next token.
const PROMPT_PIECE_AMONG_OTHERS = 128;

// Two with all threads, one with fewer: enough for a first choice between them.
const WARM_UP_STEPS = 3;

// A person who reads the answer is often back by then. A state is large: after every turn it would wear the disk out.
const KEEP_AFTER_MS = 30_000;

// Closing begins no further save after that; the process of the engine has 8 s in all.
const LAST_KEEP_MS = 4_000;

interface Slot extends HeldSlot {
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
  const { slots: count, batch, trimmable, states, keep_after = KEEP_AFTER_MS } = options;
  const threads = steadyThreads(options.threads);
  const slots = Array.from({ length: count }, (_, sequence): Slot => {
    return { sequence, tokens: [], exact: 0, turn: undefined, last_used: 0 };
  });
  const arrivals: RunningTurn[] = [];
  let clock = 0;
  let running: Promise<void> | undefined;
  /** Something was decoded since the slots were written down. */
  let unkept = false;
  let rest: ReturnType<typeof setTimeout> | undefined;

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
      clearTimeout(rest);
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
      clearTimeout(rest);
      const end = performance.now() + LAST_KEEP_MS;
      await keepSlots(() => performance.now() < end);
    },
  };

  // The native context is touched in this loop only, between two steps: it is not made for calls during a decode.
  async function loop(): Promise<void> {
    for (;;) {
      releaseStopped();
      await seat();
      // Seating may have read a file, and whoever left meanwhile takes no step.
      releaseStopped();
      const active = slots.filter(({ turn }) => turn !== undefined);
      if (active.length === 0) {
        // Somebody came while the last of them got a slot, or lost it.
        if (arrivals.length > 0) continue;
        // In the same tick as the look at the arrivals: the next one must find that nobody runs.
        running = undefined;
        keepLater();
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

  function releaseStopped(): void {
    for (const slot of slots) if (slot.turn?.stopped) release(slot);
  }

  /** Sets the clock for slots that nobody comes back to. */
  function keepLater(): void {
    if (states === undefined || !unkept) return;
    rest = setTimeout(() => {
      unkept = false;
      running ??= keepSlots(() => arrivals.length === 0).then(loop);
    }, keep_after);
    rest.unref();
  }

  /** Writes the slots down, the last used first, as long as `goes_on`. */
  async function keepSlots(goes_on: () => boolean): Promise<void> {
    for (const slot of slots.toSorted((a, b) => b.last_used - a.last_used)) if (goes_on()) await states?.keep(slot);
    await states?.settle();
  }

  async function seat(): Promise<void> {
    while (arrivals.length > 0) {
      const turn = arrivals[0]!;
      const slot = turn.stopped ? undefined : choose(turn);
      if (slot === undefined && !turn.stopped) return;
      arrivals.shift();
      if (slot === undefined) {
        turn.sampler.dispose();
        continue;
      }
      slot.turn = turn;
      slot.last_used = ++clock;
      await states?.swap(slot, turn.prompt, (held) => usable(held, turn));
      trim(slot, usable(slot, turn));
      turn.cached = slot.tokens.length;
      turn.unread = turn.prompt.slice(turn.cached);
    }
  }

  /** The free slot of the same conversation, else the one that was used longest ago. */
  function choose(turn: RunningTurn): Slot | undefined {
    const free = slots.filter((slot) => slot.turn === undefined).sort((a, b) => a.last_used - b.last_used);
    const best = free
      .map((slot) => ({ slot, cached: usable(slot, turn), same: sameStart(slot.tokens, turn.prompt) }))
      .sort((a, b) => b.cached - a.cached || b.same - a.same)[0];
    // Most of the slot, or of the prompt, is the same: also where a turn may reuse none of it, it is of no use to others. A smaller
    // overlap, such as a shared system prompt, is not worth another conversation's memory.
    return best !== undefined && best.same > Math.min(best.slot.tokens.length, turn.prompt.length) / 2 ? best.slot : free[0];
  }

  /** How many of these tokens the turn can keep. */
  function usable({ tokens, exact }: Held, { prompt, repeatable }: TurnOptions): number {
    // The last token of the prompt is always fed: its logits are what the answer begins with.
    let same = Math.min(sameStart(tokens, prompt), prompt.length - 1);
    if (repeatable) same = Math.floor(Math.min(same, exact) / batch) * batch;
    return same < tokens.length && !trimmable ? 0 : same;
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
    unkept = true;
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
