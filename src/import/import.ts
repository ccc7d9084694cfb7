// `ingle import`: what lies in a data folder of Jan or cortex becomes threads, messages, assistants and models of ours.
import { importAssistants } from "./assistants.ts";
import type { ImportTarget, Job } from "./job.ts";
import { layoutOf } from "./layout.ts";
import { importModels } from "./models.ts";
import { createNotes, type Report } from "./report.ts";
import { importThreads } from "./threads.ts";

/**
 * Takes in the folder, whose files are read and never written; GGUF files are used where they are. What was taken before is known
 * again, so that a second run, also after one that was killed, ends as one undisturbed run does.
 * Throws `ImportError` for a folder that cannot be imported, and what the store throws.
 */
export async function importFolder(path: string, { store, now }: ImportTarget): Promise<Report> {
  const layout = await layoutOf(path);
  const notes = createNotes(layout.from);
  const job: Job = { ...layout, store, notes, now: now() * 1000 };
  const assistants = await importAssistants(job);
  await importModels(job);
  await importThreads(job, assistants);
  return notes.report;
}
