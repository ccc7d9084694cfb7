// The files of models on this disk: whether they are what their record says, and what downloads have left.
import { lstat, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { ModelFile } from "../../models/manifest.ts";
import { undefinedIfAbsent } from "../storage/faults.ts";
import { missingFile, resizedFile } from "./errors.ts";

/** Throws `ApiError` 500 `model_corrupted`. */
export async function checkWeightFile(id: string, file: ModelFile, path: string): Promise<void> {
  // A link may stand for a file that is used in place, never for one that ingle put there itself.
  const there = await (file.path === undefined ? lstat(path) : stat(path)).catch(undefinedIfAbsent);
  if (!there?.isFile()) throw missingFile(id, file);
  if (there.size === (file.size ?? there.size)) return;
  throw resizedFile(id, file, there.size);
}

/** Bytes that stopped downloads have left in a folder. */
export async function sumPartialBytes(folder: string): Promise<number> {
  const names = (await readdir(folder).catch(undefinedIfAbsent)) ?? [];
  const parts = names.filter((name) => name.endsWith(".part"));
  const sizes = await Promise.all(
    parts.map(async (name) => (await stat(join(folder, name)).catch(undefinedIfAbsent))?.size ?? 0),
  );
  return sizes.reduce((a, b) => a + b, 0);
}
