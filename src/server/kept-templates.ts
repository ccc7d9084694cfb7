// Where what is known of chat templates is kept, and which releases have found it.
import { join } from "node:path";
import type { KeptFactsOptions } from "../../adapters/prompt-process/kept-facts.ts";
import { TEMPLATES_FOLDER } from "../../models/template-files.ts";
import manifest from "../../package.json" with { type: "json" };
import type { Log } from "../support/log/log.ts";
import { llamaCppRelease } from "./adapters.ts";

/** The releases whose code renders samples of a template and reads them. */
export const releases = () => ({ llama_cpp: llamaCppRelease() ?? "", ingle: manifest.version });

/** `data_id`: as `KvCache.within.id`. */
export function keptTemplates(data: string, log: Pick<Log, "warn">, data_id: string | undefined): KeptFactsOptions {
  const { llama_cpp, ingle } = releases();
  return {
    folder: join(data, TEMPLATES_FOLDER),
    within: data_id === undefined ? undefined : { folder: data, id: data_id },
    made_by: `ingle ${ingle}, llama.cpp ${llama_cpp}`,
    log: log.warn,
  };
}
