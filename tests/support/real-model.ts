// The real model, fetched once and kept.
import { homedir } from "node:os";
import { join } from "node:path";
import { DEFAULT_MODEL } from "../../models/catalog.ts";
import type { InstalledModel } from "../../models/manifest.ts";
import { sourceOptions } from "../../src/server/read-config.ts";
import type { Library } from "../../src/library/library.ts";
import { readLibrary, withLibrary } from "./library.ts";

/** A data folder that outlives the tests: it holds the real model. */
export const KEPT_DATA = join(homedir(), ".cache", "ingle", "test-data");

export async function realModel(): Promise<InstalledModel> {
  // Only the one who fetches it needs the folder alone.
  const kept = await readLibrary(KEPT_DATA);
  return (await kept.planDownload(DEFAULT_MODEL)) === undefined ? placeOf(kept) : withLibrary(KEPT_DATA, fetched);
}

async function fetched(library: Library): Promise<InstalledModel> {
  for await (const _ of library.install(DEFAULT_MODEL, sourceOptions(), AbortSignal.timeout(300_000)));
  return placeOf(library);
}

async function placeOf(library: Library): Promise<InstalledModel> {
  return library.resolve((await library.get(DEFAULT_MODEL))!);
}
