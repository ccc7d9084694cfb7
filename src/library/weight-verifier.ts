// Whether files of weights are still what they were: their length and times tell that they may have changed, their sha256 whether they
// have. It is made once a change, one file at a time.
import { addAbortListener } from "node:events";
import pLimit from "p-limit";
import { fileStamp } from "../../models/file-stamp.ts";
import type { ModelFile } from "../../models/manifest.ts";
import { ApiError } from "../http/errors.ts";
import {
  isDamaged,
  makeWeightNote,
  notePath,
  readWeightNote,
  writeWeightNote,
  type WeightNote,
} from "../storage/weight-notes.ts";
import type { Log } from "../support/log/log.ts";
import { busyModel } from "./errors.ts";

/** A file of a model on this disk. */
export interface WeightFile {
  id: string;
  file: ModelFile;
  /** Absolute path of the file. */
  path: string;
  /** Absolute path of the folder with the weights of the model, where the note is. */
  folder: string;
}

/** `unsure`: it may have changed since its sha256 was made, or never had one made. */
export type WeightState = "sound" | "damaged" | "unsure";

export interface WeightVerifier {
  /** By what was noted. `damaged` holds until another sha256 is made. Throws what the disk throws. */
  state(file: WeightFile): Promise<{ state: WeightState; sure: boolean }>;
  /**
   * Makes the sha256 where the file may have changed, once for all who ask meanwhile, and answers whether it is sound. Throws what the
   * disk throws, `ApiError` where the model is removed or the server stops meanwhile, and the signal's reason: others still wait for it.
   */
  verify(file: WeightFile, signal?: AbortSignal): Promise<"sound" | "damaged">;
  /** Notes the sha256 of a file that was just fetched and checked. */
  noteFetched(file: WeightFile, sha256: string): Promise<void>;
  /** What the bytes of the file must have, as far as that is known. */
  expected(file: WeightFile): Promise<string | undefined>;
  /** Forgets what is not on the disk, and resolves when no file of the model is read any more. */
  forget(id: string): Promise<void>;
  close(): Promise<void>;
}

export function createWeightVerifier(log?: Log): WeightVerifier {
  const limited = pLimit(1);
  const closing = new AbortController();
  const running = new Map<string, { id: string; stop: AbortController; ended: Promise<"sound" | "damaged"> }>();
  /** Notes that could not be written, as on a full disk: without them a file would be read at each load. */
  const unwritten = new Map<string, { id: string; note: WeightNote }>();

  const keyOf = ({ folder, file }: WeightFile): string => notePath(folder, file.name);
  const readNote = async (key: string): Promise<WeightNote | undefined> =>
    unwritten.get(key)?.note ?? (await readWeightNote(key));
  /** What the record says goes first: the file may have been replaced by another version since. */
  const judge = ({ file }: WeightFile, note: WeightNote | undefined): WeightNote | undefined =>
    note && { ...note, expected: file.sha256 ?? note.expected };

  async function write(key: string, id: string, note: WeightNote): Promise<void> {
    unwritten.delete(key);
    await writeWeightNote(key, note).catch((cause) => {
      unwritten.set(key, { id, note });
      log?.warn("the sha256 of a file could not be noted", { model: id, cause });
    });
  }

  async function makeSha256(file: WeightFile, signal: AbortSignal): Promise<"sound" | "damaged"> {
    const key = keyOf(file);
    const known = judge(file, await readNote(key));
    if (known?.stamp === (await fileStamp(file.path))) return isDamaged(known) ? "damaged" : "sound";
    const note = await makeWeightNote(file.path, known?.expected ?? file.file.sha256, signal);
    signal.throwIfAborted();
    await write(key, file.id, note);
    if (!isDamaged(note)) return "sound";
    const { sha256, expected } = note;
    log?.error("a file is damaged", { model: file.id, file: file.file.name, sha256, expected });
    return "damaged";
  }

  /** The one that runs, or a new one. */
  const join = (file: WeightFile): Promise<"sound" | "damaged"> => {
    const key = keyOf(file);
    const other = running.get(key);
    if (other !== undefined && !other.stop.signal.aborted) return other.ended;
    closing.signal.throwIfAborted();
    const stop = new AbortController();
    const ended = limited(() => makeSha256(file, stop.signal)).finally(() => {
      if (running.get(key)?.stop === stop) running.delete(key);
    });
    running.set(key, { id: file.id, stop, ended });
    return ended;
  };

  const stopAll = async (which: (id: string) => boolean, why: ApiError): Promise<void> => {
    const stopped = [...running.values()].filter(({ id }) => which(id));
    for (const { stop } of stopped) stop.abort(why);
    await Promise.allSettled(stopped.map(({ ended }) => ended));
  };

  return {
    async state(file) {
      const note = judge(file, await readNote(keyOf(file)));
      if (note === undefined) return { state: "unsure", sure: false };
      const sure = note.stamp === (await fileStamp(file.path));
      return { state: isDamaged(note) ? "damaged" : sure ? "sound" : "unsure", sure };
    },
    async verify(file, signal) {
      const ended = join(file);
      if (signal === undefined) return ended;
      const left = Promise.withResolvers<never>();
      const listener = addAbortListener(signal, () => left.reject(signal.reason));
      return Promise.race([ended, left.promise]).finally(() => listener[Symbol.dispose]());
    },
    async noteFetched(file, sha256) {
      await write(keyOf(file), file.id, { stamp: await fileStamp(file.path), sha256, expected: sha256 });
    },
    expected: async (file) => file.file.sha256 ?? (await readNote(keyOf(file)))?.expected,
    async forget(id) {
      await stopAll((other) => other === id, busyModel(id, "removed"));
      for (const [key, { id: other }] of unwritten) if (other === id) unwritten.delete(key);
    },
    async close() {
      closing.abort(new ApiError(503, "The server is stopping.", { code: "server_stopping" }));
      await stopAll(() => true, closing.signal.reason as ApiError);
    },
  };
}
