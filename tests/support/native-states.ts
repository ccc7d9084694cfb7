// What llama.cpp does with state files, without a model: the same layout up to the layers, of which there are none here.
import { readFileSync, writeFileSync } from "node:fs";
import type { BatchContext } from "../../adapters/node-llama-cpp/addon.ts";

type StateCalls = Pick<
  BatchContext,
  "saveSequenceStateToFile" | "loadSequenceStateFromFile" | "getSequenceKvCacheMinPosition" | "getSequenceKvCacheMaxPosition"
>;

/** `held`: tokens by sequence. `busy` is told of each call's begin and end. */
export function nativeStates(held: Map<number, number>, busy: (now: boolean) => void = () => {}): StateCalls {
  const slowly = async <T>(work: () => T): Promise<T> => {
    busy(true);
    await new Promise((done) => setTimeout(done, 1));
    busy(false);
    return work();
  };
  return {
    saveSequenceStateToFile: (path, sequence, words) =>
      slowly(() => {
        const cells = Array.from({ length: held.get(sequence) ?? 0 }, (_, position) => [position, 1, sequence]);
        // The streams before that of the sequence are empty.
        const streams = [sequence + 1, ...Array.from({ length: sequence }, () => 0), cells.length];
        const all = Uint32Array.from([0x67677371, 3, words.length, ...words, ...streams, ...cells.flat()]);
        const bytes = new Uint8Array(all.buffer);
        writeFileSync(path, bytes);
        return bytes.length;
      }),
    loadSequenceStateFromFile: (path, sequence, most_words) =>
      slowly(() => {
        const all = new Uint32Array(Uint8Array.from(readFileSync(path)).buffer);
        const words = all[2]!;
        if (words > most_words) throw new Error("Failed to load state from file");
        const [streams, ...rest] = all.subarray(3 + words);
        held.set(sequence, rest.slice(0, streams).find((cells) => cells > 0) ?? 0);
        return all.slice(3, 3 + words);
      }),
    getSequenceKvCacheMinPosition: (sequence) => (held.has(sequence) ? 0 : -1),
    getSequenceKvCacheMaxPosition: (sequence) => (held.get(sequence) ?? 0) - 1,
  };
}
