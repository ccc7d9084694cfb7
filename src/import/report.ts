// What an import has done with each thing that it found.

export interface Item {
  kind: "thread" | "message" | "assistant" | "model";
  /** As the old folder names it; null where it has no name. */
  old_id: string | null;
  /** As ingle names it, where it is in ingle now. */
  id?: string;
  /** Of the file or folder, below the folder that was imported, with `/`. */
  path: string;
  /** In a file of lines, from 1 on. */
  line?: number;
  /** How many of a thread were taken. */
  messages?: number;
}

export interface Reasoned extends Item {
  /** A sentence. */
  reason: string;
}

export interface Report {
  from: "jan" | "cortex";
  /** New in ingle. A thread stands here also when it was there and only messages were added to it. */
  taken: Item[];
  /** Taken, but not whole: the sentence says what was left behind. */
  reduced: Reasoned[];
  skipped: Reasoned[];
}

export interface Notes {
  report: Report;
  taken(item: Item): void;
  reduced(item: Item, reason: string): void;
  skipped(item: Item, reason: string): void;
}

/** A file of a million bad lines is not to become a report of a million sentences. */
const MOST_OF_A_FILE = 100;

export function createNotes(from: Report["from"]): Notes {
  const report: Report = { from, taken: [], reduced: [], skipped: [] };
  const counts = new Map<string, number>();
  const note = (list: "reduced" | "skipped", item: Item, reason: string): void => {
    const key = `${list} ${item.path}`;
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    if (count < MOST_OF_A_FILE) report[list].push({ ...item, reason });
    if (count === MOST_OF_A_FILE) {
      report[list].push({
        kind: item.kind,
        old_id: null,
        path: item.path,
        reason: "There are more like these: not all are listed.",
      });
    }
  };
  return {
    report,
    taken: (item) => void report.taken.push(item),
    reduced: (item, reason) => note("reduced", item, reason),
    skipped: (item, reason) => note("skipped", item, reason),
  };
}
