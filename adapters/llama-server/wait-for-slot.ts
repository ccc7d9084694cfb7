// Waits for llama-server to free the slot of a generation whose client has left, which takes a step or two; else only a new process helps.
import * as v from "valibot";
import type { LlamaServerClient } from "./http-client.ts";

const SlotStatus = v.looseObject({ id: v.number(), id_task: v.optional(v.number(), -1), is_processing: v.boolean() });
type SlotStatus = v.InferOutput<typeof SlotStatus>;

const POLL_MS = 100;
// llama-server notices that a client has left when it writes to it, after a step or two, and ends its work between two further ones.
const STEPS = 8;

/**
 * Resolves with true once no slot works for a client that left, and with false where one still does after `limit` ms although
 * llama-server has gone on with other steps: a server whose single step takes long is slow, not stuck. `running`: the generations that
 * go on. Throws when the server is gone.
 */
export async function waitForSlot(
  client: LlamaServerClient,
  running: ReadonlySet<object>,
  limit: number,
  signal: AbortSignal,
): Promise<boolean> {
  let start = Date.now();
  const first = await fetchBusySlots(client, signal);
  const others = [...running];
  let going_on = others.length;
  let before = "";
  for (let steps = 0; ;) {
    const now = await fetchBusySlots(client, signal);
    const old = now.filter(({ id_task }) => first.some((slot) => slot.id_task === id_task));
    const still = others.filter((generation) => running.has(generation)).length;
    if (old.length <= still) return true;
    // Another client has left meanwhile, and that slot has the whole time too.
    if (still < going_on) [going_on, start, steps] = [still, Date.now(), 0];
    // What happens to other slots is no step of these.
    const state = JSON.stringify(old);
    if (state !== before) steps++;
    before = state;
    if (Date.now() - start >= limit && steps > STEPS) return false;
    await new Promise((done) => setTimeout(done, POLL_MS));
  }
}

export async function fetchSlots(client: LlamaServerClient, signal: AbortSignal): Promise<SlotStatus[]> {
  return v.parse(v.array(SlotStatus), await client.getJson("/slots", signal));
}

async function fetchBusySlots(client: LlamaServerClient, signal: AbortSignal): Promise<SlotStatus[]> {
  return (await fetchSlots(client, signal)).filter(({ is_processing }) => is_processing);
}
