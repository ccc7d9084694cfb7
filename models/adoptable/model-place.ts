// What other programs leave on a disk, and where one looks for it.
import { readFile } from "node:fs/promises";

/** The programs whose models can be used where they are. */
export const PROGRAMS = ["Hugging Face", "Ollama", "LM Studio", "Jan"] as const;
export type ProgramName = (typeof PROGRAMS)[number];

/** A file, or the first part of one, that may be a model. */
export interface FoundFile {
  program: ProgramName;
  /** What the program calls it; unique only together with the path. */
  id: string;
  /** Absolute; it may be a link. */
  path: string;
  /** Why it cannot be used, where that is known without reading it. */
  problem?: string;
}

/** Where the programs of this machine may have their folders. */
export interface ProgramPlaces {
  env: Record<string, string | undefined>;
  /** Absolute path of the home folder. */
  home: string;
  platform: string;
}

/** Finds the files of one program. Folders that are not there, or not this user's to read, have none. */
export type FindFiles = (places: ProgramPlaces) => AsyncIterable<FoundFile>;

/** Characters of a file that names others; a larger one is none. */
const LARGEST_NOTE = 1_000_000;

/** The value in a small JSON file; undefined where there is none that can be read. */
export async function readNote(path: string): Promise<unknown> {
  try {
    const text = await readFile(path, "utf8");
    return text.length > LARGEST_NOTE ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
