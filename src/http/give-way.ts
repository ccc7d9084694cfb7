// Lets others be answered amid long work of this thread.
import { setImmediate as nextLoop } from "node:timers/promises";

/** A small answer of Deno's takes several rounds of its event loop; a round without work takes microseconds. */
const ROUNDS = 4;

/** `times`: for so many small answers at least. */
export async function giveWay(times = 1): Promise<void> {
  for (let round = 0; round < ROUNDS * times; round++) await nextLoop();
}
