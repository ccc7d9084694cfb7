// Which slot a turn takes. llama-server would choose by itself, and nobody would know what another conversation lost by it; so with
// states on the disk it is chosen here, as the embedded engine does.
import { AdapterError, type AdapterErrorCode, type ChatEvent, type ChatRequest, type Engine } from "../adapter.ts";
import { isSameConversation, SAVE_IDLE_MS, SAVE_ON_CLOSE_MS } from "../shared/kv-cache/retention.ts";
import type { HeldSlot, SlotStates } from "./slot-states.ts";
import {
  sharedPrefixLength,
  continuesConversation,
  conversationLength,
  type ConversationFingerprint,
  fingerprintOf,
} from "../shared/conversation-fingerprint.ts";

/** A turn in a slot of llama-server, or in one that it chooses. */
export type ChatIn = (request: ChatRequest, signal: AbortSignal, id_slot?: number) => AsyncIterable<ChatEvent>;

export interface Seats {
  chat: Engine["chat"];
  /** Writes down what the slots hold, as much of it as can be done in some seconds. Never throws. */
  keep(): Promise<void>;
  /** Resolves when everything that was written down has its name; llama-server may be gone by then. */
  settle(): Promise<void>;
}

export interface SeatsOptions {
  chat: ChatIn;
  slots: number;
  states: SlotStates;
  /** In ms: when nothing has run for so long, the slots are written down; half a minute unless told. */
  keep_after?: number | undefined;
}

interface Slot extends HeldSlot {
  /** Settles when the turn that has it is over; undefined: nobody has it. */
  turn: Promise<void> | undefined;
  last_used: number;
  /** Saves and restores of this slot, one after the other. Never rejects. */
  work: Promise<void>;
}

/** What a turn has told so far. */
interface Told {
  asked: boolean;
  /** Tokens of the prompt: what was read, and all. */
  prompt: { read: number; total: number } | undefined;
  /** All of it was read. */
  began: boolean;
  finish: Extract<ChatEvent, { type: "finish" }> | undefined;
  failure: unknown;
}

/** The turn never got to its slot. */
const REFUSED: AdapterErrorCode[] = ["context_length_exceeded", "messages_refused", "request_refused", "template_failed"];
/** For a guess, where nothing was told. */
const CHARACTERS_OF_A_TOKEN = 4;

export function createSeats({ chat, slots: count, states, keep_after = SAVE_IDLE_MS }: SeatsOptions): Seats {
  const slots = Array.from({ length: count }, (_, id): Slot => {
    return { id, held: undefined, turn: undefined, last_used: 0, work: Promise.resolve() };
  });
  let clock = 0;
  let rest: ReturnType<typeof setTimeout> | undefined;
  let closing = false;

  const newestFirst = (): Slot[] => slots.toSorted((a, b) => b.last_used - a.last_used);

  const then = (slot: Slot, work: () => Promise<void>): Promise<void> => (slot.work = slot.work.then(work));

  /** The free slot of the same conversation, else the one that was used longest ago. Undefined where all are taken. */
  const choose = (fingerprint: ConversationFingerprint): Slot | undefined => {
    const free = slots.filter(({ turn }) => turn === undefined).toSorted((a, b) => a.last_used - b.last_used);
    const [best] = free
      .flatMap((slot) =>
        slot.held === undefined ? [] : { slot, same: sharedPrefixLength(slot.held.fingerprint, fingerprint), held: slot.held },
      )
      .toSorted((a, b) => b.same - a.same);
    return best !== undefined &&
      isSameConversation(best.same, conversationLength(best.held.fingerprint), conversationLength(fingerprint))
      ? best.slot
      : free[0];
  };

  /** Sets the clock for slots that nobody comes back to. */
  const keepLater = (): void => {
    clearTimeout(rest);
    if (closing || slots.some(({ turn }) => turn !== undefined)) return;
    rest = setTimeout(() => void keepAll(() => slots.every(({ turn }) => turn === undefined)), keep_after);
    rest.unref();
  };

  const keepAll = async (goes_on: () => boolean): Promise<void> => {
    for (const slot of newestFirst()) if (goes_on()) await then(slot, () => states.keep(slot));
  };

  return {
    async *chat(request, signal) {
      const fingerprint = fingerprintOf(request);
      const slot = closing ? undefined : choose(fingerprint);
      if (slot === undefined) return yield* chat(request, signal);
      clearTimeout(rest);
      const turn = Promise.withResolvers<void>();
      slot.turn = turn.promise;
      slot.last_used = ++clock;
      const told: Told = { asked: false, prompt: undefined, began: false, finish: undefined, failure: undefined };
      try {
        await orAborted(
          then(slot, () => states.swap(slot, fingerprint, !request.repeatable)),
          signal,
        );
        told.asked = true;
        for await (const event of chat(request, signal, slot.id)) {
          if (event.type === "prompt") told.prompt = event;
          else told.began = true;
          if (event.type === "finish") told.finish = event;
          yield event;
        }
      } catch (error) {
        told.failure = error;
        throw error;
      } finally {
        slot.held = after(slot.held, told, fingerprint, request);
        slot.turn = undefined;
        turn.resolve();
        keepLater();
      }
    },
    settle: states.settle,
    async keep() {
      closing = true;
      clearTimeout(rest);
      const late = later(SAVE_ON_CLOSE_MS);
      const end = performance.now() + SAVE_ON_CLOSE_MS;
      // Turns know by now that they are over.
      await Promise.race([Promise.all(slots.map(({ turn }) => turn)), late]);
      // What is written then may take as long again.
      await Promise.race([keepAll(() => performance.now() < end), late.then(() => later(SAVE_ON_CLOSE_MS))]);
    },
  };
}

/** What a slot holds when its turn is over. */
function after(held: HeldSlot["held"], told: Told, fingerprint: ConversationFingerprint, request: ChatRequest): HeldSlot["held"] {
  const { asked, prompt, began, finish, failure } = told;
  if (!asked || (failure instanceof AdapterError && REFUSED.includes(failure.code))) return held;
  // The state of an image is more than its tokens.
  const kept = hasImages(request);
  if (finish !== undefined) {
    const { prompt_tokens, completion_tokens } = finish.usage;
    // The last token was not fed. A stop string ends a turn before llama-server knows of it.
    const tokens = prompt_tokens + completion_tokens - 1;
    return { fingerprint, prompt: prompt_tokens, tokens, kept, loose: request.stop.length > 0 };
  }
  const read = began ? (prompt?.total ?? Math.ceil(conversationLength(fingerprint) / CHARACTERS_OF_A_TOKEN)) : prompt?.read;
  if (read !== undefined) return { fingerprint, prompt: read, tokens: read, kept, loose: true };
  return held !== undefined && continuesConversation(fingerprint, held.fingerprint) ? { ...held, loose: true } : undefined;
}

export function hasImages({ messages }: ChatRequest): boolean {
  return messages.some(({ content }) => typeof content !== "string" && content.some(({ type }) => type === "image_url"));
}

function later(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms).unref());
}

/** Whoever leaves does not wait for the disk. */
async function orAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
