// Between the slots of llama-server and the saved states: what a slot is about to lose is saved, and what a generation could go on from is
// restored. llama-server compares the tokens itself, so that a wrong guess here costs some reading and never a wrong answer.
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import * as v from "valibot";
import { commonPrefixLength, MIN_SAVED_TOKENS } from "../shared/kv-cache/retention.ts";
import { BadStateError, withFile } from "../shared/kv-cache/state-bytes.ts";
import type { StateFolder } from "../shared/kv-cache/state-folder.ts";
import { createStateSaver } from "../shared/kv-cache/state-saver.ts";
import type { LlamaServerClient } from "./http-client.ts";
import type { LlamaServerLimits } from "./process.ts";
import { type PromptReuse, reusedTokens } from "./prompt-reuse.ts";
import type { SlotContents } from "./slot-contents.ts";
import { readTokens, type SavedTokens } from "./state-file.ts";
import { fetchSlots } from "./wait-for-slot.ts";

export interface LlamaServerSlot {
  readonly id: number;
  /** Undefined where the slot is empty or its contents are unknown. */
  contents: SlotContents | undefined;
}

/** What is about to be read in a slot. */
export interface NextPrompt {
  prompt: readonly number[];
  /** As `ChatRequest.cache_scope`. */
  scope: string;
  /** Of what was read before. */
  reuse: PromptReuse;
}

export interface LlamaServerSlotStatesOptions {
  client: LlamaServerClient;
  folder: StateFolder<SavedTokens>;
  /** As `batchSize`. */
  batch: number;
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

export function createSlotStates({ client, folder, batch, limits, gone, log }: LlamaServerSlotStatesOptions) {
  /** After an answer that was late, or a file of another format, llama-server is asked for no further state. */
  let off = false;
  const saver = createStateSaver<SavedTokens>({
    ...{ folder, log, replaces },
    tokensOf: ({ tokens }) => tokens.length,
    // The next file would be alike: the model's cells, or those of this release, have another format.
    onSealFailure: (error) => void (off ||= error instanceof BadStateError),
  });
  return { swap, save, settle: saver.settle };

  /**
   * Before a generation takes a slot: saves what the slot would lose, and restores a state that spares the generation clearly more reading
   * than the slot does. A conversation that goes on in its slot costs no request. Never throws: what fails costs the reading.
   */
  async function swap(slot: LlamaServerSlot, { prompt, scope, reuse }: NextPrompt): Promise<void> {
    const { contents } = slot;
    const own = contents?.scope === scope ? contents : undefined;
    const common = own === undefined ? 0 : commonPrefixLength(own.tokens, prompt);
    const least = (own === undefined ? 0 : reusedTokens(own, prompt, reuse, batch)) + MIN_SAVED_TOKENS;
    // The last token of a prompt is always read.
    const worthwhile = reuse !== "nothing" && !off && least < prompt.length;
    const better = worthwhile ? await saver.find(scope, (state) => reusedTokens(state, prompt, reuse, batch), least) : undefined;
    if (contents !== undefined && contents.tokens.length - common >= MIN_SAVED_TOKENS) await save(slot);
    if (better === undefined || off) return;
    // A restore would wait for a slot that still works, and the answer might come too late.
    if (contents?.uncertain && !(await becomesIdle(slot).catch(() => false))) return;
    await saver.restore(better, async (path) => {
      slot.contents = undefined;
      const { n_restored } = v.parse(RestoreResponse, await post("restore", slot, path));
      if (n_restored !== better.tokens.length) throw new BadStateError("llama-server has read something else.");
      const { tokens, prompt, exact } = better;
      slot.contents = { scope, tokens, prompt, exact, saved: true, uncertain: false };
    });
  }

  /** Saves what the slot holds, unless that is saved already or too little. Never throws. */
  async function save(slot: LlamaServerSlot): Promise<void> {
    const { contents } = slot;
    if (contents === undefined || contents.saved || off || gone.aborted || !saver.isSavable(contents)) return;
    await saver.save(contents.scope, contents, async (path) => {
      if (contents.uncertain && !(await becomesIdle(slot))) return undefined;
      const { n_saved, n_written } = v.parse(SaveResponse, await post("save", slot, path));
      contents.saved = true;
      if (n_saved < MIN_SAVED_TOKENS) return undefined;
      // llama-server does not notice when the last bytes cannot be written.
      if ((await stat(path)).size !== n_written) throw new Error("The file was not written to its end.");
      const [prompt, exact] = [contents.prompt, contents.exact].map((count) => Math.min(count, n_saved));
      return { tokens: await tokensIn(path, n_saved), prompt: prompt!, exact: exact! };
    });
  }

  /** A slot may hold more than is known of it: its file says what. */
  async function tokensIn(path: string, saved: number): Promise<Uint32Array> {
    try {
      const tokens = await withFile(path, "r", readTokens);
      if (tokens.length !== saved) throw new BadStateError("It does not have as many tokens as llama-server says.");
      return tokens;
    } catch (error) {
      off ||= error instanceof BadStateError;
      throw error;
    }
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

/** Whether `newer` is as good as `older` for every request: a later state of the conversation, whose answer may be written in other tokens. */
function replaces(newer: SavedTokens, older: SavedTokens): boolean {
  const is_later = newer.tokens.length >= older.tokens.length && newer.exact >= older.exact;
  return is_later && commonPrefixLength(newer.tokens, older.tokens) >= older.prompt;
}
