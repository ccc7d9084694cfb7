// Which slots llama-server has given to several answers of one request: it chooses all but the first, and numbers their tasks in the order of
// the answers.
import type { LlamaServerClient } from "./http-client.ts";
import { fetchSlots } from "./wait-for-slot.ts";

export type ChoiceSlots = ReturnType<typeof createChoiceSlots>;

const POLL_MS = 20;

/** `gone`: ends the requests to a llama-server that is gone. */
export function createChoiceSlots(client: LlamaServerClient, gone: AbortSignal) {
  return {
    /** The newest task so far, once these slots are free in llama-server too. */
    async newestTask(taken: readonly { id: number }[], signal: AbortSignal): Promise<number> {
      for (;;) {
        const slots = await fetchSlots(client, signal);
        if (!slots.some((slot) => slot.is_processing && taken.some(({ id }) => id === slot.id))) {
          return Math.max(...slots.map(({ id_task }) => id_task));
        }
        await new Promise((done) => setTimeout(done, POLL_MS));
      }
    },
    /** The slots whose latest task is newer than that, in the order of their tasks. */
    async slotsSince(newest: number): Promise<number[]> {
      const slots = (await fetchSlots(client, gone)).filter(({ id_task }) => id_task > newest);
      return slots.toSorted((one, other) => one.id_task - other.id_task).map(({ id }) => id);
    },
  };
}
