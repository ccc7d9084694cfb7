// How much of a request's texts a server gets at a time. All that has come to it is computed, also for a client who has left: llama-server looks
// for that only where no result comes for a second (`server_response_reader::next` of
// https://github.com/ggml-org/llama.cpp/blob/master/tools/server/server-queue.cpp), others never.

/** Milliseconds of a part's work, as far as earlier parts tell. */
const PART_MS = 200;
/** By how much a part may be larger than the one before it. */
const GROWTH = 2;

export type PartSize = ReturnType<typeof createPartSize>;

/** The unit is whatever the texts are measured in. `first`: before it is known how long they take; `most`: however short that is. */
export function createPartSize(first: number, most: number, now: () => number = () => performance.now()) {
  let size = first;
  let last_answer = 0;
  return {
    size: (): number => size,
    /** Waits for a part of `sent` units. */
    async measure<T>(sent: number, answer: () => Promise<T>): Promise<T> {
      const begun = now();
      const value = await answer();
      const answered = now();
      // The part before it was computed first.
      const ms = answered - Math.max(begun, last_answer);
      last_answer = answered;
      size = Math.min(most, size * GROWTH, Math.max(1, (sent * PART_MS) / ms));
      return value;
    },
  };
}
