// Between the slots of llama-server and the saved states: what a slot is about to lose is saved, and what a generation could go on from is
// restored. llama-server compares the tokens itself, so that a wrong guess here costs some reading and never a wrong answer.
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import * as v from "valibot";
import {
  continuesConversation,
  type ConversationFingerprint,
  conversationLength,
  scopeOf,
  sharedPrefixLength,
} from "../shared/conversation-fingerprint.ts";
import { MIN_SAVED_TOKENS } from "../shared/kv-cache/retention.ts";
import { BadStateError } from "../shared/kv-cache/state-bytes.ts";
import type { StateFolder } from "../shared/kv-cache/state-folder.ts";
import { createStateSaver } from "../shared/kv-cache/state-saver.ts";
import type { LlamaServerClient } from "./http-client.ts";
import type { LlamaServerLimits } from "./process.ts";
import type { SlotContents } from "./state-file.ts";
import { fetchSlots } from "./wait-for-slot.ts";

export interface TrackedContents extends SlotContents {
  /** Whether there is nothing to save: it is on the disk, or cannot be. */
  saved: boolean;
  /** The generation was left early: llama-server may still work on it, and the counts are guesses. */
  uncertain: boolean;
}

export interface LlamaServerSlot {
  readonly id: number;
  /** Undefined where the slot is empty or its contents are unknown. */
  contents: TrackedContents | undefined;
}

export interface LlamaServerSlotStatesOptions {
  client: LlamaServerClient;
  folder: StateFolder<SlotContents>;
  limits: Pick<LlamaServerLimits, "cancel" | "state">;
  /** Ends the requests to a llama-server that is gone. */
  gone: AbortSignal;
  /** Takes a sentence about what failed. */
  log: (line: string) => void;
}

const POLL_MS = 50;
const SaveResponse = v.object({ n_saved: v.number(), n_written: v.number() });
const RestoreResponse = v.object({ n_restored: v.number() });

export type LlamaServerSlotStates = ReturnType<typeof createSlotStates>;

export function createSlotStates({ client, folder, limits, gone, log }: LlamaServerSlotStatesOptions) {
  /** After an answer that was late, or a file of another format, llama-server is asked for no further state. */
  let off = false;
  const saver = createStateSaver<SlotContents>({
    ...{ folder, log, replaces },
    tokensOf: ({ tokens }) => tokens,
    // The next file would be alike: the model's cells, or those of this release, have another format.
    onSealFailure: (error) => void (off ||= error instanceof BadStateError),
  });
  return { swap, save, settle: saver.settle };

  /**
   * Before a generation takes a slot: saves what the slot would lose, and restores a state that spares the generation clearly more reading
   * than the slot does. A conversation that goes on in its slot costs no request. Never throws: what fails costs the reading.
   */
  async function swap(slot: LlamaServerSlot, next: ConversationFingerprint, reuses: boolean): Promise<void> {
    const { contents } = slot;
    const spared = contents === undefined ? 0 : sparedTokens(contents, next);
    const unread = conversationLength(next) - sharedPrefixLength(contents?.fingerprint, next);
    // `unread` counts characters: nearly every token has one at least.
    const worthwhile = reuses && !off && unread >= MIN_SAVED_TOKENS;
    const better = worthwhile
      ? await saver.find(scopeOf(next), (state) => sparedTokens(state, next), spared + MIN_SAVED_TOKENS)
      : undefined;
    const goes_on = contents === undefined || continuesConversation(next, contents.fingerprint);
    if (!goes_on && contents.tokens - spared >= MIN_SAVED_TOKENS) await save(slot);
    if (better === undefined || off) return;
    // A restore would wait for a slot that still works, and the answer might come too late.
    if (contents?.uncertain && !(await becomesIdle(slot).catch(() => false))) return;
    await saver.restore(better, (path) => load(slot, path, better));
  }

  /** Saves what the slot holds, unless that is saved already or too little. Never throws. */
  async function save(slot: LlamaServerSlot): Promise<void> {
    const { contents } = slot;
    if (contents === undefined || contents.saved || off || gone.aborted || !saver.isSavable(contents)) return;
    await saver.save(scopeOf(contents.fingerprint), contents, async (path) => {
      if (contents.uncertain && !(await becomesIdle(slot))) return undefined;
      const { n_saved, n_written } = v.parse(SaveResponse, await post("save", slot, path));
      contents.saved = true;
      if (n_saved < MIN_SAVED_TOKENS) return undefined;
      // llama-server does not notice when the last bytes cannot be written.
      if ((await stat(path)).size !== n_written) throw new BadStateError("The file was not written to its end.");
      return { ...contents, tokens: n_saved, prompt: Math.min(contents.prompt, n_saved) };
    });
  }

  async function load(slot: LlamaServerSlot, path: string, state: SlotContents): Promise<void> {
    slot.contents = undefined;
    const { n_restored } = v.parse(RestoreResponse, await post("restore", slot, path));
    if (n_restored !== state.tokens) throw new BadStateError("llama-server has read something else.");
    const { fingerprint, prompt, tokens } = state;
    slot.contents = { fingerprint, prompt, tokens, saved: true, uncertain: false };
  }

  async function post(action: "save" | "restore", { id }: LlamaServerSlot, path: string): Promise<unknown> {
    const late = AbortSignal.timeout(limits.state);
    try {
      const filename = basename(path);
      return await client.postJson(`/slots/${id}?action=${action}`, { filename }, AbortSignal.any([late, gone]));
    } catch (error) {
      if (!late.aborted) throw error;
      off = true;
      const message = `llama-server did not answer within ${limits.state / 1000} s. No further one is saved until it starts anew.`;
      throw new Error(message, { cause: error });
    }
  }

  /** Whether llama-server is done with the slot. */
  async function becomesIdle({ id }: LlamaServerSlot): Promise<boolean> {
    for (const end = Date.now() + limits.cancel; Date.now() < end;) {
      const slot = (await fetchSlots(client, gone)).find((slot) => slot.id === id);
      if (slot?.is_processing === false) return true;
      await new Promise((done) => setTimeout(done, POLL_MS));
    }
    return false;
  }
}

/** How many tokens of its prompt a generation need not read: an estimate, as only characters are known of the prompt. */
function sparedTokens({ fingerprint, prompt, tokens }: SlotContents, next: ConversationFingerprint): number {
  // The cells of the answer are of use only where the conversation goes on behind it.
  if (continuesConversation(next, fingerprint)) return next.prefixes.length > fingerprint.prefixes.length ? tokens : prompt;
  return Math.floor((prompt * sharedPrefixLength(fingerprint, next)) / conversationLength(fingerprint));
}

/** Whether `newer` is as good as `older` for every request: a later state of the conversation, or the same one again. */
function replaces(newer: SlotContents, older: SlotContents): boolean {
  if (!continuesConversation(newer.fingerprint, older.fingerprint)) return false;
  return (
    newer.tokens >= older.tokens || (continuesConversation(older.fingerprint, newer.fingerprint) && newer.prompt >= older.prompt)
  );
}
