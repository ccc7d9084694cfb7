// From what is wanted to a model that is there: its files fetched, its header read, its record written.
import { join } from "node:path";
import { catalog } from "../../models/catalog.ts";
import { described } from "../../models/gguf/describe-model.ts";
import { remoteHeader } from "../../models/download/remote-header.ts";
import { type DownloadOptions, type DownloadProgress, SourceError } from "../../models/sources/web-request.ts";
import { readGgufFile } from "../../models/gguf/header.ts";
import type { InstalledModel, Model } from "../../models/manifest.ts";
import type { ModelFileFacts } from "../inference/memory-estimator.ts";
import type { Changes } from "./changes.ts";
import { elsewhere, unknown, unseen } from "./errors.ts";
import { fetchAll, isOfAnotherFile, sizeOf, unfetched, weightsOf } from "./fetch-files.ts";
import type { Wanted, Wishes, WishesOptions } from "./pending-models.ts";

export interface Pulls {
  /**
   * What a pull would fetch: a model that was asked for, one of the catalogue, or again the files of a record; undefined when all is
   * there. Throws `ApiError` 404 `model_not_found`, 409 `model_not_downloadable` for one that other servers run, and 500
   * `model_corrupted` where a file that is used in place is gone.
   */
  wanted(id: string): Promise<Wanted | undefined>;
  /**
   * Fetches what is wanted and writes the record. Ends at once when all is there. Throws what `wanted` throws, `ApiError` 409
   * `model_not_ready` beside another pull or a removal of it, `DownloadError`, the signal's reason.
   */
  pull(id: string, options: DownloadOptions, signal: AbortSignal): AsyncGenerator<DownloadProgress, void>;
  /**
   * The facts of a model that is not here, out of its file where it would come from. Throws what `wanted` throws, and `ApiError` 502
   * with the reason of each source.
   */
  look(id: string, options: DownloadOptions, signal: AbortSignal): Promise<ModelFileFacts>;
}

export interface PullsOptions extends WishesOptions {
  wishes: Wishes;
  changes: Changes;
  /** `Library.resolve`. */
  resolve(model: Model): Promise<InstalledModel>;
  /** Absolute path of the folder with a model's weights. */
  folderOf(id: string): string;
}

export function createPulls({ records, downloads, wishes, changes, resolve, folderOf, now }: PullsOptions): Pulls {
  const faultOf = (model: Model): Promise<Error | undefined> =>
    resolve(model).then(
      () => undefined,
      (error) => error,
    );

  const pulls: Pulls = {
    async wanted(id) {
      const installed = await records.get(id);
      if (installed?.upstream !== undefined) throw elsewhere(id, installed.upstream.urls[0]!);
      const fault = installed && (await faultOf(installed));
      if (installed !== undefined && fault === undefined) return undefined;
      const asked = await downloads.get(id);
      if (asked !== undefined) return asked;
      const manifest = catalog().find((model) => model.id === id) ?? installed;
      if (manifest === undefined) throw unknown(id);
      if (manifest.files.some(({ path }) => path !== undefined)) throw fault;
      return { model: manifest };
    },

    async *pull(id, given, signal) {
      const wanted = await pulls.wanted(id);
      // A crash may have come between the record and this.
      if (wanted === undefined) return void (await downloads.remove(id));
      const options = wanted.allow_private ? { ...given, allow_private: true } : given;
      changes.begin(id, "downloaded");
      try {
        if (wanted.reference) yield { source: `Hugging Face (${wanted.reference.repo})`, bytes: 0 };
        const manifest = await wishes.complete(wanted, options, signal).catch(unfetched);
        const files = yield* fetchAll(manifest, folderOf(id), options, signal);
        const header = await readGgufFile(join(folderOf(id), files[0]!.name));
        await records.put(described({ ...manifest, created: now(), files }, header));
        // In this order: a crash in between leaves a wish that is fulfilled already.
        await downloads.remove(id);
      } catch (error) {
        if (wanted.reference && isOfAnotherFile(error)) await wishes.forgetFiles(id);
        throw error;
      } finally {
        changes.end(id);
      }
    },

    async look(id, given, signal) {
      const wanted = await pulls.wanted(id);
      if (wanted === undefined) throw unknown(id);
      const options = wanted.allow_private ? { ...given, allow_private: true } : given;
      try {
        const manifest = await wishes.complete(wanted, options, signal);
        const further = weightsOf(manifest).slice(1);
        return { header: await remoteHeader(manifest, options, signal), extra_bytes: sizeOf(further) };
      } catch (error) {
        throw error instanceof SourceError ? unseen(id, error) : error;
      }
    },
  };
  return pulls;
}
