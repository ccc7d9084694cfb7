// Between the slots of llama-server and the states on the disk: what a slot is about to lose is written down, and what a turn could go
// on from is read back. It compares the tokens itself, so that a wrong guess here costs some reading and never a wrong answer.
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import * as v from "valibot";
import { BadStateError } from "../shared/kv-cache/state-bytes.ts";
import { MIN_SAVED_TOKENS } from "../shared/kv-cache/retention.ts";
import type { Client } from "./http-client.ts";
import { slotsOf } from "./wait-for-slot.ts";
import type { LifeLimits } from "./watchdog.ts";
import type { ServerState, ServerStateFolder, SlotContents } from "./state-file.ts";
import {
  sharedPrefixLength,
  continuesConversation,
  conversationLength,
  type ConversationFingerprint,
} from "../shared/conversation-fingerprint.ts";

/** What a slot has in it. */
export interface SlotHeld extends SlotContents {
  /** On the disk already, or nothing for it. */
  kept: boolean;
  /** Its turn was left, so that llama-server may still work on it; the counts are guessed. */
  loose: boolean;
}

/** One whose `held` is undefined is empty, or nobody knows what it has. */
export interface HeldSlot {
  readonly id: number;
  held: SlotHeld | undefined;
}

export interface SlotStates {
  /**
   * Before a turn takes a slot: writes down what it would lose, and loads a state that spares the turn clearly more than what is there.
   * Where it goes on from its slot nothing is asked of llama-server. Never throws: what fails costs the reading.
   */
  swap(slot: HeldSlot, fingerprint: ConversationFingerprint, reuses: boolean): Promise<void>;
  /** Writes down what the slot holds, unless that is on the disk already or too little. Never throws. */
  keep(slot: HeldSlot): Promise<void>;
  /** Resolves when everything that was written down has its name. */
  settle(): Promise<void>;
}

export interface SlotStatesOptions {
  client: Client;
  folder: ServerStateFolder;
  limits: LifeLimits;
  /** Ends what is asked of a llama-server that is gone. */
  gone: AbortSignal;
  /** Takes a sentence about what failed. */
  log: (line: string) => void;
}

const POLL_MS = 50;
const Saved = v.object({ n_saved: v.number(), n_written: v.number() });
const Restored = v.object({ n_restored: v.number() });

export function createSlotStates({ client, folder, limits, gone, log }: SlotStatesOptions): SlotStates {
  /** Their sums are made beside the next turns. */
  const sealing = new Map<SlotContents, Promise<void>>();
  /** In tokens: what is as long is not even begun, as it did not fit. */
  let largest = Number.POSITIVE_INFINITY;
  /** It did not answer in time, or writes what nobody understands: it is asked for no further state. */
  let off = false;

  const notKept = (error: Error): void => log(`The state of a conversation could not be kept: ${error.message}`);

  const act = async (action: "save" | "restore", { id }: HeldSlot, path: string): Promise<unknown> => {
    const late = AbortSignal.timeout(limits.state);
    try {
      const filename = basename(path);
      return await client.postJson(`/slots/${id}?action=${action}`, { filename }, AbortSignal.any([late, gone]));
    } catch (error) {
      if (!late.aborted) throw error;
      off = true;
      const message = `llama-server did not answer within ${limits.state / 1000} s. No further one is kept until it starts anew.`;
      throw new Error(message, { cause: error });
    }
  };

  /** Whether llama-server has ended what it did there. */
  const rests = async ({ id }: HeldSlot): Promise<boolean> => {
    for (const end = Date.now() + limits.cancel; Date.now() < end;) {
      const slot = (await slotsOf(client, gone)).find((slot) => slot.id === id);
      if (slot?.is_processing === false) return true;
      await new Promise((done) => setTimeout(done, POLL_MS));
    }
    return false;
  };

  const write = async (slot: HeldSlot): Promise<void> => {
    const { held } = slot;
    if (held === undefined || held.kept || off || gone.aborted || held.tokens < MIN_SAVED_TOKENS || held.tokens >= largest)
      return;
    if (held.loose && !(await rests(slot))) return;
    const path = await folder.begin(held);
    try {
      const { n_saved, n_written } = v.parse(Saved, await act("save", slot, path));
      held.kept = true;
      if (n_saved < MIN_SAVED_TOKENS) return await folder.discard(path);
      // What could not be written at the file's very end it does not notice.
      if ((await stat(path)).size !== n_written) throw new BadStateError("The file was not written to its end.");
      const saved = { ...held, tokens: n_saved, prompt: Math.min(held.prompt, n_saved) };
      sealing.set(saved, finish(path, saved));
    } catch (error) {
      await folder.discard(path);
      throw error;
    }
  };

  const finish = async (path: string, held: SlotContents): Promise<void> => {
    try {
      if (!(await folder.commit(path, held, (state) => replaces(held, state)))) largest = held.tokens;
    } catch (error) {
      notKept(error as Error);
      // So will be the next one, of a model whose cells look otherwise or of another release.
      off ||= error instanceof BadStateError;
    } finally {
      sealing.delete(held);
    }
  };

  const keep = (slot: HeldSlot): Promise<void> => write(slot).catch(notKept);

  const find = async (fingerprint: ConversationFingerprint, least: number): Promise<ServerState | undefined> => {
    await Promise.all([...sealing].map(([held, done]) => (spares(held, fingerprint) >= least ? done : undefined)));
    return folder.best((state) => spares(state, fingerprint), least);
  };

  const restore = async (slot: HeldSlot, state: ServerState): Promise<void> => {
    const load = async (path: string): Promise<void> => {
      slot.held = undefined;
      const { n_restored } = v.parse(Restored, await act("restore", slot, path));
      if (n_restored !== state.tokens) throw new BadStateError("llama-server has read something else.");
      const { fingerprint, prompt, tokens } = state;
      slot.held = { fingerprint, prompt, tokens, kept: true, loose: false };
    };
    await folder.restore(state, load).catch((error: Error) => log(`The state of a conversation was not used: ${error.message}`));
  };

  return {
    async swap(slot, fingerprint, reuses) {
      const { held } = slot;
      const spared = held === undefined ? 0 : spares(held, fingerprint);
      const left = conversationLength(fingerprint) - (held === undefined ? 0 : sharedPrefixLength(held.fingerprint, fingerprint));
      // A token is a character at least, but for a few.
      const better = reuses && !off && left >= MIN_SAVED_TOKENS ? await find(fingerprint, spared + MIN_SAVED_TOKENS) : undefined;
      const lost =
        held !== undefined && !continuesConversation(fingerprint, held.fingerprint) && held.tokens - spared >= MIN_SAVED_TOKENS;
      if (lost) await keep(slot);
      if (better === undefined || off) return;
      // One that works would be waited for, and is not sure to be heard of.
      if (!held?.loose || (await rests(slot).catch(() => false))) await restore(slot, better);
    },
    keep,
    settle: async () => void (await Promise.all(sealing.values())),
  };
}

/** How many tokens of its prompt a turn need not read, as near as characters tell it. */
function spares({ fingerprint, prompt, tokens }: SlotContents, next: ConversationFingerprint): number {
  // The answer is of use where something follows.
  if (continuesConversation(next, fingerprint)) return next.prefixes.length > fingerprint.prefixes.length ? tokens : prompt;
  return Math.floor((prompt * sharedPrefixLength(fingerprint, next)) / conversationLength(fingerprint));
}

/** Whether `newer` can stand for `older`: a later turn of it, or the same one again. */
function replaces(newer: SlotContents, older: SlotContents): boolean {
  if (!continuesConversation(newer.fingerprint, older.fingerprint)) return false;
  return (
    newer.tokens >= older.tokens || (continuesConversation(older.fingerprint, newer.fingerprint) && newer.prompt >= older.prompt)
  );
}
