// Chooses the slot of each generation. llama-server would choose one itself and drop what it held; with saved states ingle chooses, as for
// the embedded engine, and saves first what is lost.
import { addAbortListener } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { AdapterError, type AdapterErrorCode, type ChatEvent, type ChatRequest } from "../adapter.ts";
import {
  continuesConversation,
  type ConversationFingerprint,
  conversationLength,
  fingerprintOf,
  sharedPrefixLength,
} from "../shared/conversation-fingerprint.ts";
import { chooseSlot, SAVE_IDLE_MS, SAVE_ON_CLOSE_MS } from "../shared/kv-cache/retention.ts";
import type { ChatInSlot } from "./generation.ts";
import type { LlamaServerSlot, LlamaServerSlotStates } from "./slot-states.ts";

export type LlamaServerSlotSelection = ReturnType<typeof createSlotSelection>;

export interface LlamaServerSlotSelectionOptions {
  chat: ChatInSlot;
  slots: number;
  states: LlamaServerSlotStates;
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
    if (closing || !isIdle()) return;
    idle_timer = setTimeout(() => void saveSlots(isIdle), save_idle_ms);
    idle_timer.unref();
  };

  /** The most recently used slot comes first. */
  const saveSlots = async (goes_on: () => boolean): Promise<void> => {
    for (const slot of slots.toSorted((a, b) => b.last_used - a.last_used)) {
      if (goes_on()) await enqueue(slot, () => states.save(slot));
    }
  };

  return {
    async *chat(request: ChatRequest, signal: AbortSignal): AsyncGenerator<ChatEvent> {
      const fingerprint = fingerprintOf(request);
      const slot = closing ? undefined : chooseSlotFor(fingerprint);
      if (slot === undefined) return yield* chat(request, signal);
      clearTimeout(idle_timer);
      const generation = Promise.withResolvers<void>();
      slot.generation = generation.promise;
      slot.last_used = ++uses;
      const progress: GenerationProgress = { request, fingerprint, sent: false, answering: false };
      try {
        const swapped = enqueue(slot, () => states.swap(slot, fingerprint, !request.repeatable));
        await untilAborted(swapped, signal);
        progress.sent = true;
        for await (const event of chat(request, signal, slot.id)) {
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
        generation.resolve();
        saveWhenIdle();
      }
    },
    settle: states.settle,
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

export function hasImages({ messages }: ChatRequest): boolean {
  return messages.some(({ content }) => typeof content !== "string" && content.some(({ type }) => type === "image_url"));
}

/** Rejects with the signal's reason as soon as it aborts: a client that leaves does not wait for the disk. */
async function untilAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const listener = addAbortListener(signal, () => reject(signal.reason));
  try {
    await Promise.race([work, promise]);
  } finally {
    listener[Symbol.dispose]();
  }
}
