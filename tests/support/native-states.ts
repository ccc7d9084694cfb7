// What llama.cpp does with state files, without a model: the same layout up to the cells, which are eight bytes a token here.
import { readFileSync, writeFileSync } from "node:fs";
import type { AddonContext } from "../../adapters/node-llama-cpp/addon.ts";

type StateCalls = Pick<
  AddonContext,
  "saveSequenceStateToFile" | "loadSequenceStateFromFile" | "getSequenceKvCacheMinPosition" | "getSequenceKvCacheMaxPosition"
>;

const CELL_BYTES = 8;

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
        const cells = new Uint8Array((held.get(sequence) ?? 0) * CELL_BYTES).map((_, i) => i);
        const bytes = Buffer.concat([Uint8Array.from([0x71, 0x73, 0x67, 0x67, 3, 0, 0, 0]), count(words), cells]);
        writeFileSync(path, bytes);
        return bytes.length;
      }),
    loadSequenceStateFromFile: (path, sequence, most_words) =>
      slowly(() => {
        const bytes = readFileSync(path);
        const words = bytes.readUInt32LE(8);
        if (words > most_words) throw new Error("Failed to load state from file");
        held.set(sequence, (bytes.length - 12 - 4 * words) / CELL_BYTES);
        return new Uint32Array(Uint8Array.from(bytes.subarray(12, 12 + 4 * words)).buffer);
      }),
    getSequenceKvCacheMinPosition: (sequence) => (held.has(sequence) ? 0 : -1),
    getSequenceKvCacheMaxPosition: (sequence) => (held.get(sequence) ?? 0) - 1,
  };
}

function count(words: Uint32Array): Uint8Array {
  return new Uint8Array(Uint32Array.from([words.length, ...words]).buffer);
}
