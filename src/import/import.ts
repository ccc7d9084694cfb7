// `ingle import`: the contents of a data folder of Jan or cortex become threads, messages, assistants and models of ours.
import { importAssistants } from "./assistants.ts";
import { BUILT_IN } from "../storage/entities.ts";
import type { ImportJob, ImportStore } from "./job.ts";
import { findLayout } from "./layout.ts";
import { importModels } from "./models.ts";
import { createReportBuilder, type Report } from "./report.ts";
import { importThreads } from "./threads.ts";

interface ImportOptions {
  store: ImportStore;
  /** Seconds since 1970. */
  now: () => number;
}

/**
 * Imports the folder, whose files are read and never written; GGUF files are used where they are. What was imported before is
 * recognised, so that a second run, also after one that was killed, ends as one undisturbed run does.
 * Throws `ImportError` for a folder that cannot be imported, and what the store throws.
 */
export async function importFolder(path: string, { store, now }: ImportOptions): Promise<Report> {
  const layout = await findLayout(path);
  const report = createReportBuilder(layout.from);
  const job: ImportJob = { ...layout, store, report, now: now() * 1000, assistant_ids: new Map([[BUILT_IN, BUILT_IN]]) };
  await importAssistants(job);
  await importModels(job);
  await importThreads(job);
  return report.result;
}
