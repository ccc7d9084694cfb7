// A turn that is given up frees its slot within a step or two. Where it does not, only a new process helps.
import * as v from "valibot";
import type { Client } from "./http-client.ts";

const Slots = v.array(v.looseObject({ id: v.number(), id_task: v.optional(v.number(), -1), is_processing: v.boolean() }));
type Slots = v.InferOutput<typeof Slots>;

const POLL_MS = 100;
// The server looks for clients that left between two steps, and at least once a second.
const STEPS = 3;

/**
 * Resolves with true once no slot works for a client that left, and with false where one still does after `limit` ms although the
 * engine has gone on with other steps: one whose single step takes long is slow, not stuck. `running`: the turns that go on. Throws
 * when the engine is gone.
 */
export async function freed(client: Client, running: () => Set<object>, limit: number, signal: AbortSignal): Promise<boolean> {
  const left = Date.now();
  const first = busy(await slotsOf(client, signal));
  const others = [...running()];
  let before = "";
  for (let steps = 0; ;) {
    const now = busy(await slotsOf(client, signal));
    const old = now.filter(({ id_task }) => first.some((slot) => slot.id_task === id_task));
    if (old.length <= others.filter((turn) => running().has(turn)).length) return true;
    const state = JSON.stringify(now);
    if (state !== before) steps++;
    before = state;
    if (Date.now() - left >= limit && steps > STEPS) return false;
    await new Promise((done) => setTimeout(done, POLL_MS));
  }
}

export async function slotsOf(client: Client, signal: AbortSignal): Promise<Slots> {
  return v.parse(Slots, await client.getJson("/slots", signal));
}

function busy(slots: Slots): Slots {
  return slots.filter(({ is_processing }) => is_processing);
}
