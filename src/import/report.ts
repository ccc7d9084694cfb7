// The report of an import: what became of each thing that it found.

export interface ImportItem {
  kind: "thread" | "message" | "assistant" | "model";
  /** As the old folder names it; null where it has no name. */
  old_id: string | null;
  /** As ingle names it, where it is in ingle now. */
  id?: string;
  /** Path of the file or folder, below the folder that was imported, with `/`. */
  path: string;
  /** In a file of lines, from 1 on. */
  line?: number;
  /** How many messages of a thread were imported. */
  messages?: number;
}

export interface ReasonedItem extends ImportItem {
  /** A sentence. */
  reason: string;
}

export interface Report {
  from: "jan" | "cortex";
  /** New in ingle. A thread stands here also when it was there and only messages were added to it. */
  taken: ImportItem[];
  /** Imported, but not whole: the sentence says what was left behind. */
  reduced: ReasonedItem[];
  skipped: ReasonedItem[];
}

export type ReportBuilder = ReturnType<typeof createReportBuilder>;

/** Sentences about one file: a file of a million bad lines does not become a report of a million sentences. */
const MOST_OF_A_FILE = 100;

export function createReportBuilder(from: Report["from"]) {
  const result: Report = { from, taken: [], reduced: [], skipped: [] };
  const counts = new Map<string, number>();
  const note = (list: "reduced" | "skipped", item: ImportItem, reason: string): void => {
    const key = `${list} ${item.path}`;
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    if (count < MOST_OF_A_FILE) result[list].push({ ...item, reason });
    if (count !== MOST_OF_A_FILE) return;
    const { kind, path } = item;
    result[list].push({ kind, old_id: null, path, reason: "There are more like these: not all are listed." });
  };
  return {
    result,
    /** `losses` are sentences, for `reduced`. */
    taken(item: ImportItem, losses: string[] = []): void {
      result.taken.push(item);
      const { messages: _, ...reduced } = item;
      for (const loss of losses) note("reduced", reduced, loss);
    },
    reduced: (item: ImportItem, reason: string): void => note("reduced", item, reason),
    skipped: (item: ImportItem, reason: string): void => note("skipped", item, reason),
  };
}
