// Chooses the slot of each generation, as for the embedded engine: llama-server would compare the prompt with those of other API keys. What a
// slot loses is saved first, where states are saved.
import { setTimeout as pause } from "node:timers/promises";
import { AdapterError, type ChatEvent } from "../adapter.ts";
import { conversationLength, fingerprintOf, sharedPrefixLength } from "../shared/conversation-fingerprint.ts";
import { untilAborted } from "../shared/until-aborted.ts";
import { chooseSlot, commonPrefixLength, SAVE_IDLE_MS, SAVE_ON_CLOSE_MS } from "../shared/kv-cache/retention.ts";
import type { TokenEvent, TokenRequest } from "../token-engine.ts";
import { createAnswers, type GenerateInSlot } from "./generation.ts";
import type { ChatInSlot, ImageChatRequest } from "./image-chat.ts";
import { createLendSlot } from "./lend-slot.ts";
import { reusedTokens, reuseOf } from "./prompt-reuse.ts";
import { createSendGate } from "./send-gate.ts";
import { contentsAfter, isRefusal } from "./slot-contents.ts";
import type { SelectableSlot, SlotUser } from "./selectable-slot.ts";
import type { LlamaServerSlotStates } from "./slot-states.ts";
import type { SlotTrim } from "./slot-trim.ts";
import type { ChoiceSlots } from "./choice-slots.ts";

export interface LlamaServerSlotSelectionOptions {
  generate: GenerateInSlot;
  /** Absent: the model takes no images. */
  chatWithImages?: ChatInSlot | undefined;
  slots: number;
  /** As `batchSize`. */
  batch: number;
  choice_slots: ChoiceSlots;
  trim: SlotTrim;
  /** Absent: no state is saved. */
  states?: LlamaServerSlotStates | undefined;
  /** In ms without a generation: then the slots are saved. */
  save_idle_ms?: number | undefined;
}

type Comparison = ReturnType<Parameters<typeof chooseSlot<SelectableSlot>>[2]>;
const NOTHING: Comparison = { reused: 0, common: 0, length: 0 };

export function createSlotSelection(options: LlamaServerSlotSelectionOptions) {
  const { generate, chatWithImages, slots: count, batch, choice_slots, trim, states, save_idle_ms = SAVE_IDLE_MS } = options;
  const slots = Array.from({ length: count }, (_, id): SelectableSlot => {
    return { id, contents: undefined, generation: undefined, last_used: 0, work: Promise.resolve() };
  });
  const gate = createSendGate();
  let uses = 0;
  let idle_timer: ReturnType<typeof setTimeout> | undefined;
  let closing = false;

  const isIdle = (): boolean => slots.every(({ generation }) => generation === undefined);

  const enqueue = (slot: SelectableSlot, work: () => Promise<void>): Promise<void> => (slot.work = slot.work.then(work));

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

  const give = (slot: SelectableSlot, user: SlotUser): void => {
    slot.generation = user;
    slot.last_used = ++uses;
  };

  /** So many free slots, the chosen one first. Waits where there are too few: a generation whose client has left may not be over yet. */
  const takeSlots = async (count: number, choose: () => SelectableSlot | undefined, signal: AbortSignal) => {
    for (;;) {
      if (closing) throw new AdapterError("engine_unavailable", "The engine was stopped.");
      const free = slots.filter(({ generation }) => generation === undefined);
      const first = choose();
      if (first === undefined || free.length < count) {
        await untilAborted(Promise.race(slots.flatMap(({ generation }) => generation?.over ?? [])), signal);
        continue;
      }
      const { promise: over, resolve: end } = Promise.withResolvers<void>();
      const user: SlotUser = { over, end };
      // llama-server takes the first that are free for further answers.
      const taken = [first, ...free.filter((slot) => slot !== first).slice(0, count - 1)];
      for (const slot of taken) give(slot, user);
      clearTimeout(idle_timer);
      return { user, taken };
    }
  };

  const release = (user: SlotUser): void => {
    for (const slot of slots) if (slot.generation === user) slot.generation = undefined;
    user.end();
    saveWhenIdle();
  };

  /** What is left of another key is not compared with the prompt, nor what is not known to be of this one. */
  const isOfScope = ({ contents }: SelectableSlot, scope: string): boolean => contents?.scope === scope;

  const compareTokens = ({ contents }: SelectableSlot, request: TokenRequest): Comparison => {
    if (contents === undefined) return NOTHING;
    const length = contents.fingerprint === undefined ? contents.tokens.length : conversationLength(contents.fingerprint);
    if (contents.scope !== request.cache_scope) return { ...NOTHING, length };
    const { prompt } = request;
    return {
      reused: reusedTokens(contents, prompt, reuseOf(request), batch),
      common: commonPrefixLength(contents.tokens, prompt),
      length,
    };
  };

  const chooseFor = (request: TokenRequest): SelectableSlot | undefined => {
    const before = slots[request.continues ?? -1];
    if (before?.generation === undefined && before !== undefined && isOfScope(before, request.cache_scope)) return before;
    return chooseSlot(slots, request.prompt.length, (slot) => compareTokens(slot, request));
  };

  return {
    async *generate(request: TokenRequest, signal: AbortSignal): AsyncGenerator<TokenEvent> {
      const { user, taken } = await takeSlots(request.choices ?? 1, () => chooseFor(request), signal);
      let leave = (): void => {};
      try {
        leave = await enter(taken.length > 1 ? gate.enterAlone() : gate.enter(), signal);
        yield* inSlots(request, signal, { user, taken, leave });
      } finally {
        leave();
        release(user);
      }
    },

    chatWithImages: chatWithImages && chatInSlot(chatWithImages),

    /** For texts of which vectors are made. */
    lendSlot: createLendSlot({
      ...{ slots, choice_slots, takeSlots, give, release },
      enterAlone: (signal) => enter(gate.enterAlone(), signal),
      save: (slot, signal) =>
        untilAborted(
          enqueue(slot, async () => states?.save(slot)),
          signal,
        ),
    }),

    /** Saves what the slots hold, as much of it as some seconds allow. Called once, as the engine closes. Never throws. */
    async saveAll(): Promise<void> {
      closing = true;
      clearTimeout(idle_timer);
      const pauseOnClose = () => pause(SAVE_ON_CLOSE_MS, undefined, { ref: false });
      const late = pauseOnClose();
      const end = performance.now() + SAVE_ON_CLOSE_MS;
      // The generations are ending: the watchdog has its reason by now.
      await Promise.race([Promise.all(slots.map(({ generation }) => generation?.over)), late]);
      // A save that has begun may take as long again.
      await Promise.race([saveSlots(() => performance.now() < end), late.then(pauseOnClose)]);
    },
  };

  /** `leave`: lets others send their requests. */
  async function* inSlots(
    request: TokenRequest,
    signal: AbortSignal,
    { user, taken, leave }: { user: SlotUser; taken: SelectableSlot[]; leave: () => void },
  ): AsyncGenerator<TokenEvent> {
    const { cache_scope: scope, prompt, continues } = request;
    const [first] = taken as [SelectableSlot];
    const goes_on = continues === first.id && isOfScope(first, scope);
    const reuse = goes_on ? "all" : reuseOf(request);
    const swapped = taken.map((slot) =>
      enqueue(slot, async () => states?.swap(slot, { prompt, scope, reuse: slot === first ? reuse : "nothing" })),
    );
    await untilAborted(Promise.all(swapped), signal);

    const answers = createAnswers(request, { held: first.contents?.exact ?? 0, batch });
    /** In the order of the answers; undefined while they are not known. */
    let found = taken.length > 1 ? undefined : taken;
    let newest: number | undefined;
    const findSlots = async (newest: number): Promise<SelectableSlot[]> => {
      const ids = await choice_slots.slotsSince(newest);
      found = ids.flatMap((id) => slots[id] ?? []);
      for (const slot of found) if (slot.generation !== user) give(slot, user);
      const is_whole = found.length === taken.length;
      for (const slot of taken) if (is_whole && !found.includes(slot)) slot.generation = undefined;
      return found;
    };
    const placed = {
      ...{ id_slot: first.id, answers },
      async onSend(stop: AbortSignal) {
        const compares =
          isOfScope(first, scope) && (reuse === "whole batches" ? await trim(first, prompt, stop) : reuse === "all");
        if (taken.length > 1) newest = await choice_slots.newestTask(taken, stop);
        return compares;
      },
      async onTaken() {
        found ??= await findSlots(newest!);
        leave();
        if (found.length === taken.length) return found.map(({ id }) => id);
        const message = "This llama-server does not say which slot each answer has, so it cannot give several at once.";
        throw new AdapterError("request_unsupported", message, { param: "n" });
      },
      async inOwnSlot<T>(id: number, work: () => Promise<T>): Promise<T | undefined> {
        const leave = await gate.enter();
        try {
          return slots[id]!.generation === user ? await work() : undefined;
        } finally {
          leave();
        }
      },
    };
    let failure: unknown;
    try {
      yield* generate(request, signal, placed);
    } catch (error) {
      failure = error;
      throw error;
    } finally {
      if (!isRefusal(failure)) {
        if (newest !== undefined && found === undefined) await findSlots(newest).catch(() => {});
        const known = found?.length === taken.length ? found : [];
        const was_sent = taken.length === 1 || newest !== undefined;
        for (const slot of slots) {
          if (slot.generation !== user || !was_sent) continue;
          // llama-server clears the slots of all answers but the first.
          slot.contents = slot === known[0] ? contentsAfter(slot.contents, request, answers[0]!) : undefined;
        }
      }
    }
  }

  /** Images are no tokens: the conversation is known by its messages, and its state is not saved. */
  function chatInSlot(chat: ChatInSlot) {
    return async function* chatWithImages(request: ImageChatRequest, signal: AbortSignal): AsyncGenerator<ChatEvent> {
      const { cache_scope: scope } = request;
      const fingerprint = fingerprintOf(request);
      const choose = (): SelectableSlot | undefined =>
        chooseSlot(slots, conversationLength(fingerprint), ({ contents }) => {
          const common = sharedPrefixLength(contents?.fingerprint, fingerprint);
          return { reused: common, common, length: conversationLength(contents?.fingerprint) + (contents?.tokens.length ?? 0) };
        });
      const { user, taken } = await takeSlots(1, choose, signal);
      const [slot] = taken as [SelectableSlot];
      let leave = (): void => {};
      try {
        leave = await enter(gate.enter(), signal);
        await untilAborted(
          enqueue(slot, async () => states?.swap(slot, { prompt: [], scope, reuse: "nothing" })),
          signal,
        );
        const cache_prompt = isOfScope(slot, scope) && reuseOf(request) === "all";
        const before = slot.contents;
        slot.contents = { scope, tokens: [], prompt: 0, exact: 0, fingerprint, saved: true, uncertain: true };
        try {
          for await (const event of chat(request, signal, { id_slot: slot.id, cache_prompt })) {
            leave();
            yield event;
          }
        } catch (error) {
          if (isRefusal(error)) slot.contents = before;
          throw error;
        }
      } finally {
        leave();
        release(user);
      }
    };
  }
}

/** Takes its turn; a client that leaves before lets the next one in. */
async function enter(entering: Promise<() => void>, signal: AbortSignal): Promise<() => void> {
  try {
    return await untilAborted(entering, signal);
  } catch (error) {
    void entering.then((leave) => leave());
    throw error;
  }
}
