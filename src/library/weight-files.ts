// The files of models on this disk: whether they are what their record says, and what downloads have left.
import { lstat, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Model } from "../../models/manifest.ts";
import { ApiError } from "../http/errors.ts";
import { undefinedIfAbsent } from "../storage/faults.ts";
import type { Log } from "../support/log/log.ts";
import { damagedFile, missingFile, resizedFile } from "./errors.ts";
import type { WeightFile, WeightVerifier } from "./weight-verifier.ts";

export interface WeightFilesOptions {
  verifier: WeightVerifier;
  /** Absolute path of the folder with a model's weights. */
  folderOf(id: string): string;
  /** A file was found damaged. */
  onDamaged?: ((id: string, error: ApiError) => void) | undefined;
  log?: Log | undefined;
}

export type WeightFiles = ReturnType<typeof createWeightFiles>;

/** How often the files of a loaded model are looked at, in ms: a disk in a network takes its time. */
const RECHECK_MS = 1_000;

/** In ms: a file that cannot be read to its end is not begun again with each request. */
const UNREADABLE_MS = 600_000;

/** When the files of a model are looked at again: not before `next`, in milliseconds of `performance.now`. */
interface Recheck {
  next: number;
  timer?: NodeJS.Timeout | undefined;
}

export function createWeightFiles({ verifier, folderOf, onDamaged = () => {}, log }: WeightFilesOptions) {
  const rechecks = new Map<string, Recheck>();

  const filesOf = ({ id, files }: Model): WeightFile[] => {
    const folder = folderOf(id);
    return files.map((file) => ({ id, file, folder, path: file.path ?? join(folder, file.name) }));
  };

  /** Throws `ApiError` 500 `model_corrupted`. */
  const verify = async (file: WeightFile): Promise<void> => {
    if ((await verifier.verify(file)) === "sound") return;
    const error = damagedFile(file.id, file.file);
    onDamaged(file.id, error);
    throw error;
  };

  const verifyLater = (file: WeightFile): void => {
    verify(file).catch((cause) => {
      // Damage has been told of, and a removal or the end of the server stops it.
      if (cause instanceof ApiError) return;
      const recheck = rechecks.get(file.id);
      if (recheck !== undefined) recheck.next = performance.now() + UNREADABLE_MS;
      log?.warn("the sha256 of a file could not be made", { model: file.id, file: file.file.name, cause });
    });
  };

  /** Throws what `checkSize` throws, and for a file that is damaged by what was noted. */
  const check = async (model: Model): Promise<void> => {
    for (const file of filesOf(model)) {
      await checkSize(file);
      if ((await verifier.state(file)).state === "damaged") throw damagedFile(file.id, file.file);
    }
  };

  return {
    filesOf,
    check,
    /**
     * For a load. A file that may have changed is loaded while its sha256 is made; one that was damaged only when it is found to be
     * what it should be again. Throws as `check`.
     */
    async checkForLoad(model: Model): Promise<void> {
      const files = filesOf(model);
      for (const file of files) await checkSize(file);
      for (const file of files) {
        const { state, sure } = await verifier.state(file);
        if (state === "damaged" && sure) throw damagedFile(file.id, file.file);
        if (state === "damaged") await verify(file);
        if (state === "unsure") verifyLater(file);
      }
    },
    /** Looks whether the files of a loaded model change under it, at once or, where it has just looked, a little later. */
    recheck(model: Model): void {
      const known = rechecks.get(model.id) ?? { next: 0 };
      rechecks.set(model.id, known);
      look(model, known);
    },
    /** Makes the sha256 of each file that is no more sure to be what it was. Throws as `check`. */
    async verifyAll(model: Model): Promise<void> {
      const files = filesOf(model);
      for (const file of files) await checkSize(file);
      for (const file of files) if ((await verifier.expected(file)) !== undefined) await verify(file);
    },
    /** Whether a file is other than when its sha256 was made. */
    async mayHaveChanged(model: Model): Promise<boolean> {
      const known = await Promise.all(
        filesOf(model).map(async (file) => [await verifier.expected(file), await verifier.state(file)] as const),
      );
      return known.some(([expected, { state }]) => expected !== undefined && state !== "sound");
    },
    forget(id: string): Promise<void> {
      clearTimeout(rechecks.get(id)?.timer);
      rechecks.delete(id);
      return verifier.forget(id);
    },
  };

  function look(model: Model, recheck: Recheck): void {
    const now = performance.now();
    const rest = recheck.next - now;
    if (rest <= 0) {
      clearTimeout(recheck.timer);
      recheck.timer = undefined;
      recheck.next = now + RECHECK_MS;
      for (const file of filesOf(model)) void recheckFile(file, recheck).catch(() => {});
    } else if (rest <= RECHECK_MS) {
      recheck.timer ??= setTimeout(() => {
        recheck.timer = undefined;
        look(model, recheck);
      }, rest).unref();
    }
  }

  async function recheckFile(file: WeightFile, recheck: Recheck): Promise<void> {
    // What was removed is still there for the engine that holds it.
    const size = await sizeOf(file);
    if (size === undefined) return;
    if (size !== (file.file.size ?? size)) return onDamaged(file.id, resizedFile(file.id, file.file, size));
    const { state, sure } = await verifier.state(file);
    // The model was removed meanwhile.
    if (rechecks.get(file.id) !== recheck) return;
    if (state === "damaged" && sure) onDamaged(file.id, damagedFile(file.id, file.file));
    else if (!sure) verifyLater(file);
  }
}

/** Throws `ApiError` 500 `model_corrupted` where the file is missing or has another length. */
async function checkSize(file: WeightFile): Promise<void> {
  const size = await sizeOf(file);
  if (size === undefined) throw missingFile(file.id, file.file);
  if (size !== (file.file.size ?? size)) throw resizedFile(file.id, file.file, size);
}

/** A link may stand for a file that is used in place, never for one that ingle put there itself. */
async function sizeOf({ file, path }: WeightFile): Promise<number | undefined> {
  const there = await (file.path === undefined ? lstat(path) : stat(path)).catch(undefinedIfAbsent);
  return there?.isFile() ? there.size : undefined;
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
