// Chooses the slot of each generation, as for the embedded engine: llama-server would compare the prompt with those of other API keys. What a
// slot loses is saved first, where states are saved.
import { addAbortListener } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { AdapterError, type AdapterErrorCode, type ChatEvent, type ChatRequest } from "../adapter.ts";
import {
  continuesConversation,
  type ConversationFingerprint,
  conversationLength,
  fingerprintOf,
  scopeOf,
  sharedPrefixLength,
} from "../shared/conversation-fingerprint.ts";
import { hasImages } from "../shared/message-text.ts";
import { chooseSlot, SAVE_IDLE_MS, SAVE_ON_CLOSE_MS } from "../shared/kv-cache/retention.ts";
import type { ChatInSlot } from "./generation.ts";
import type { LlamaServerSlot, LlamaServerSlotStates } from "./slot-states.ts";

export type LlamaServerSlotSelection = ReturnType<typeof createSlotSelection>;

export interface LlamaServerSlotSelectionOptions {
  chat: ChatInSlot;
  slots: number;
  /** Absent: no state is saved. */
  states?: LlamaServerSlotStates | undefined;
  /** In ms without a generation: then the slots are saved. */
  save_idle_ms?: number | undefined;
}

interface SelectableSlot extends LlamaServerSlot {
  /** Settles when the generation in the slot is over; undefined while the slot is free. */
  generation: Promise<void> | undefined;
  last_used: number;
  /** Saves and restores of this slot, one after the other. Never rejects. */
  work: Promise<void>;
}

/** What is known of a generation so far. */
interface GenerationProgress {
  request: ChatRequest;
  fingerprint: ConversationFingerprint;
  sent: boolean;
  /** Tokens of the prompt: those read, and all. */
  prompt?: { read: number; total: number };
  /** The answer has begun, so that the whole prompt was read. */
  answering: boolean;
  finish?: Extract<ChatEvent, { type: "finish" }>;
  failure?: unknown;
}

/** With these the request never got to its slot. */
const REFUSED: AdapterErrorCode[] = ["context_length_exceeded", "messages_refused", "request_refused", "template_failed"];
/** An estimate, for prompts whose tokens llama-server has not reported. */
const CHARACTERS_PER_TOKEN = 4;

export function createSlotSelection(options: LlamaServerSlotSelectionOptions) {
  const { chat, slots: count, states, save_idle_ms = SAVE_IDLE_MS } = options;
  const slots = Array.from({ length: count }, (_, id): SelectableSlot => {
    return { id, contents: undefined, generation: undefined, last_used: 0, work: Promise.resolve() };
  });
  let uses = 0;
  let idle_timer: ReturnType<typeof setTimeout> | undefined;
  let closing = false;

  const isIdle = (): boolean => slots.every(({ generation }) => generation === undefined);

  const enqueue = (slot: SelectableSlot, work: () => Promise<void>): Promise<void> => (slot.work = slot.work.then(work));

  const chooseSlotFor = (fingerprint: ConversationFingerprint): SelectableSlot | undefined =>
    chooseSlot(slots, conversationLength(fingerprint), ({ contents }) => {
      const common = sharedPrefixLength(contents?.fingerprint, fingerprint);
      return { reused: common, common, length: conversationLength(contents?.fingerprint) };
    });

  const saveWhenIdle = (): void => {
    clearTimeout(idle_timer);
    if (states === undefined || closing || !isIdle()) return;
    idle_timer = setTimeout(() => void saveSlots(isIdle), save_idle_ms);
    idle_timer.unref();
  };

  /** The most recently used slot comes first. */
  const saveSlots = async (goes_on: () => boolean): Promise<void> => {
    for (const slot of slots.toSorted((a, b) => b.last_used - a.last_used)) {
      if (goes_on()) await enqueue(slot, async () => states?.save(slot));
    }
  };

  /** Waits where every slot has a generation: one whose client has left may not be over yet. */
  const takeSlot = async (fingerprint: ConversationFingerprint, signal: AbortSignal) => {
    for (;;) {
      if (closing) throw new AdapterError("engine_unavailable", "The engine was stopped.");
      const slot = chooseSlotFor(fingerprint);
      if (slot === undefined) {
        await untilAborted(Promise.race(slots.map(({ generation }) => generation)), signal);
        continue;
      }
      const { promise, resolve: release } = Promise.withResolvers<void>();
      slot.generation = promise;
      return { slot, release };
    }
  };

  return {
    async *chat(request: ChatRequest, signal: AbortSignal): AsyncGenerator<ChatEvent> {
      const fingerprint = fingerprintOf(request);
      const { slot, release } = await takeSlot(fingerprint, signal);
      clearTimeout(idle_timer);
      slot.last_used = ++uses;
      const progress: GenerationProgress = { request, fingerprint, sent: false, answering: false };
      const reuses = !request.repeatable && request.cache_prompt !== false;
      try {
        const swapped = enqueue(slot, async () => states?.swap(slot, fingerprint, reuses));
        await untilAborted(swapped, signal);
        progress.sent = true;
        // What is left of another key is not compared with the prompt, nor what is not known to be of this one.
        const of_same_scope = slot.contents !== undefined && scopeOf(slot.contents.fingerprint) === scopeOf(fingerprint);
        const use = { id_slot: slot.id, cache_prompt: of_same_scope && reuses };
        for await (const event of chat(request, signal, use)) {
          if (event.type === "prompt") progress.prompt = event;
          else progress.answering = true;
          if (event.type === "finish") progress.finish = event;
          yield event;
        }
      } catch (error) {
        progress.failure = error;
        throw error;
      } finally {
        slot.contents = contentsAfter(slot.contents, progress);
        slot.generation = undefined;
        release();
        saveWhenIdle();
      }
    },
    /** Saves what the slots hold, as much of it as some seconds allow. Called once, as the engine closes. Never throws. */
    async saveAll(): Promise<void> {
      closing = true;
      clearTimeout(idle_timer);
      const pauseOnClose = () => pause(SAVE_ON_CLOSE_MS, undefined, { ref: false });
      const late = pauseOnClose();
      const end = performance.now() + SAVE_ON_CLOSE_MS;
      // The generations are ending: the watchdog has its reason by now.
      await Promise.race([Promise.all(slots.map(({ generation }) => generation)), late]);
      // A save that has begun may take as long again.
      await Promise.race([saveSlots(() => performance.now() < end), late.then(pauseOnClose)]);
    },
  };
}

/** What a slot holds after a generation. */
function contentsAfter(before: LlamaServerSlot["contents"], progress: GenerationProgress): LlamaServerSlot["contents"] {
  const { request, fingerprint, sent, prompt, answering, finish, failure } = progress;
  if (!sent || (failure instanceof AdapterError && REFUSED.includes(failure.code))) return before;
  // The state of an image is more than its tokens, so no such conversation is saved.
  const saved = hasImages(request);
  if (finish !== undefined) {
    const { prompt_tokens, completion_tokens } = finish.usage;
    // The last token has no cell yet. A stop string ends a generation before llama-server knows of it.
    const tokens = prompt_tokens + completion_tokens - 1;
    return { fingerprint, prompt: prompt_tokens, tokens, saved, uncertain: request.stop.length > 0 };
  }
  const guess = Math.ceil(conversationLength(fingerprint) / CHARACTERS_PER_TOKEN);
  const read = answering ? (prompt?.total ?? guess) : prompt?.read;
  if (read !== undefined) return { fingerprint, prompt: read, tokens: read, saved, uncertain: true };
  return before !== undefined && continuesConversation(fingerprint, before.fingerprint)
    ? { ...before, uncertain: true }
    : undefined;
}

/** Rejects with the signal's reason as soon as it aborts: a client that leaves does not wait for the disk. */
async function untilAborted(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const listener = addAbortListener(signal, () => reject(signal.reason));
  try {
    await Promise.race([work, promise]);
  } finally {
    listener[Symbol.dispose]();
  }
}
