// Makes a slot ready for a repeatable request: llama-server itself would reuse all that the slot and the prompt have in common.
import * as v from "valibot";
import type { TokenRequest } from "../token-engine.ts";
import type { LlamaServerClient } from "./http-client.ts";
import { reusedTokens } from "./prompt-reuse.ts";
import type { LlamaServerSlot } from "./slot-states.ts";

export type SlotTrim = ReturnType<typeof createSlotTrim>;

const Trimmed = v.object({ "timings/cache_n": v.number() });

interface SlotTrimOptions {
  client: LlamaServerClient;
  /** Whether the model can forget a part of what it has read. */
  trimmable: boolean;
  /** As `batchSize`. */
  batch: number;
}

export function createSlotTrim({ client, trimmable, batch }: SlotTrimOptions) {
  /**
   * Leaves a slot the whole batches that the prompt reuses, and one token that the prompt does not go on with: llama-server has no other way
   * to forget a part. It takes one step. Resolves with false where nothing that is left may be reused.
   */
  return async (slot: LlamaServerSlot, prompt: TokenRequest["prompt"], signal: AbortSignal): Promise<boolean> => {
    const { id: id_slot, contents } = slot;
    const keep = contents === undefined || !trimmable ? 0 : reusedTokens(contents, prompt, "whole batches", batch);
    if (contents === undefined || keep === 0) return false;
    const other = prompt[keep] === 0 ? 1 : 0;
    const body = { prompt: [...prompt.slice(0, keep), other], id_slot, cache_prompt: true, n_predict: 1 };
    slot.contents = undefined;
    const answer = await client.postJson("/completion", { ...body, response_fields: ["timings/cache_n"] }, signal);
    // What it had to read here is in no whole batch.
    if (v.parse(Trimmed, answer)["timings/cache_n"] !== keep) return false;
    slot.contents = { ...contents, tokens: contents.tokens.slice(0, keep), prompt: keep, exact: keep };
    return true;
  };
}
