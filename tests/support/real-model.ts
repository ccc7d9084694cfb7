// The real model, fetched once and kept.
import { homedir } from "node:os";
import { join } from "node:path";
import { DEFAULT_MODEL } from "../../models/catalog.ts";
import type { InstalledModel } from "../../models/model.ts";
import { sourceOptions } from "../../src/config.ts";
import { openLibrary } from "../../src/library.ts";

/** A data folder that outlives the tests: it holds the real model. */
export const KEPT_DATA = join(homedir(), ".cache", "ingle", "test-data");

export async function realModel(): Promise<InstalledModel> {
  const library = openLibrary(KEPT_DATA);
  for await (const _ of library.pull(DEFAULT_MODEL, sourceOptions(), AbortSignal.timeout(300_000)));
  return library.resolve((await library.get(DEFAULT_MODEL))!);
}
