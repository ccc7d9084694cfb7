// What was found of the engines' speed, in one file for this processor and these very engines: others are timed anew.
import { createHash, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { SpeedNote } from "./trial.ts";

const SpeedsFile = v.object({ machine: v.string(), notes: v.array(SpeedNote) });

export interface KeptSpeeds {
  /** Empty where nothing was found, and where the file is damaged. */
  read(): SpeedNote[];
  /** Puts a note in the place of that of its type. Throws what the disk throws. */
  write(note: SpeedNote): Promise<void>;
}

/** `folder`: absolute, made at the first write. `machine`: what the speed depends on. */
export function createKeptSpeeds(folder: string, machine: string): KeptSpeeds {
  const file = join(folder, `${createHash("sha256").update(machine).digest("hex").slice(0, 32)}.json`);
  const read = (): SpeedNote[] => {
    try {
      const found = v.safeParse(SpeedsFile, JSON.parse(readFileSync(file, "utf8")));
      return found.success && found.output.machine === machine ? found.output.notes : [];
    } catch {
      return [];
    }
  };
  return {
    read,
    async write(note) {
      const notes = [...read().filter(({ weight_type }) => weight_type !== note.weight_type), note];
      await mkdir(folder, { recursive: true });
      const fresh = `${file}.${randomUUID()}`;
      await writeFile(fresh, `${JSON.stringify({ machine, notes } satisfies v.InferOutput<typeof SpeedsFile>)}\n`);
      await rename(fresh, file);
    },
  };
}
