// The real model, fetched once and kept.
import { constants } from "node:fs";
import { copyFile, cp, mkdtemp, open } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { DEFAULT_MODEL } from "../../models/catalog.ts";
import type { InstalledModel } from "../../models/manifest.ts";
import { sourceOptions } from "../../src/server/read-config.ts";
import type { Library } from "../../src/library/library.ts";
import { readLibrary, withLibrary } from "./library.ts";
import { oneAtATime } from "./one-at-a-time.ts";

/** A data folder that outlives the tests: it holds the real model. For reading alone, as several processes of the tests do at a time. */
export const KEPT_DATA = join(homedir(), ".cache", "ingle", "test-data");

export async function realModel(): Promise<InstalledModel> {
  return (
    (await keptModel()) ?? oneAtATime(`${KEPT_DATA}.lock`, async () => (await keptModel()) ?? withLibrary(KEPT_DATA, fetched))
  );
}

async function keptModel(): Promise<InstalledModel | undefined> {
  const kept = await readLibrary(KEPT_DATA);
  return (await kept.planDownload(DEFAULT_MODEL)) === undefined ? placeOf(kept) : undefined;
}

/** A new data folder with the real model; whoever asks for it removes it. */
export async function folderWithModel(): Promise<string> {
  await realModel();
  const data = await mkdtemp(join(tmpdir(), "ingle-real-"));
  const options = { recursive: true, mode: constants.COPYFILE_FICLONE };
  for (const part of ["ingle.json", "models", "weights"]) await cp(join(KEPT_DATA, part), join(data, part), options);
  return data;
}

/** The real model with another chat template, no longer than its own, in a folder of its own. */
export async function realModelWith(template: string): Promise<InstalledModel & { folder: string }> {
  const model = await realModel();
  const folder = await mkdtemp(join(tmpdir(), "ingle-real-"));
  const path = join(folder, "model.gguf");
  await copyFile(model.path, path, constants.COPYFILE_FICLONE);
  const file = await open(path, "r+");
  const header = Buffer.alloc(4 * 1024 * 1024);
  await file.read(header, 0, header.length, 0);
  // Behind its key are the type of the value, its length and its bytes.
  const key = "tokenizer.chat_template";
  const at = header.indexOf(key) + key.length + 4;
  const length = Number(header.readBigUInt64LE(at));
  await file.write(Buffer.from(`{#${"-".repeat(length - 4 - Buffer.byteLength(template))}#}${template}`), 0, length, at + 8);
  await file.close();
  return { ...model, path, folder };
}

async function fetched(library: Library): Promise<InstalledModel> {
  for await (const _ of library.install(DEFAULT_MODEL, sourceOptions(), AbortSignal.timeout(300_000)));
  return placeOf(library);
}

async function placeOf(library: Library): Promise<InstalledModel> {
  return library.resolve((await library.get(DEFAULT_MODEL))!);
}
