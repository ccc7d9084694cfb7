// From a pending model to an installed one: its files are fetched, its header is read, its record is written.
import { join } from "node:path";
import { fillFromHeader } from "../../models/gguf/fill-from-header.ts";
import { fetchRemoteHeader } from "../../models/download/remote-header.ts";
import { type DownloadOptions, type DownloadProgress, LISTING_MS } from "../../models/sources/source.ts";
import { describeRepo } from "../../models/sources/huggingface.ts";
import { DownloadError, SourceError } from "../../models/download-errors.ts";
import { type GgufHeader, readGgufFile } from "../../models/gguf/header.ts";
import { whyUnusable } from "../../models/gguf/usable.ts";
import type { ModelFileFacts } from "../inference/memory-estimator.ts";
import type { Changes } from "./changes.ts";
import { notInCatalog } from "../http/not-found.ts";
import { noModel, unreadableHeader } from "./errors.ts";
import { fetchModelFiles, forgetOrigins, isChecksumMismatch, throwDownloadError } from "./fetch-files.ts";
import { totalBytes, weightFilesOf } from "../../models/model-files.ts";
import type { PendingModels, PendingModelsOptions } from "./pending-models.ts";
import type { DownloadPlanner } from "./plan-download.ts";
import type { WeightFiles } from "./weight-files.ts";
import type { WeightVerifier } from "./weight-verifier.ts";

export interface ModelInstaller {
  /**
   * Fetches what `planDownload` answers and writes the record. Ends at once when all is there. Throws what that throws, `ApiError`
   * 409 `model_not_ready` beside another download or a removal of it, `DownloadError`, the signal's reason.
   */
  install(id: string, options: DownloadOptions, signal: AbortSignal): AsyncGenerator<DownloadProgress, void>;
  /**
   * The facts of a model that is not here, out of its file where it would come from. Throws what `planDownload` throws, and `ApiError` 502
   * with the reason of each source, 400 where the file is no model.
   */
  fetchRemoteFacts(id: string, options: DownloadOptions, signal: AbortSignal): Promise<ModelFileFacts>;
}

export interface ModelInstallerOptions extends PendingModelsOptions, DownloadPlanner {
  pending: PendingModels;
  changes: Changes;
  weightFiles: Pick<WeightFiles, "filesOf">;
  verifier: WeightVerifier;
  /** Absolute path of the folder with a model's weights. */
  folderOf(id: string): string;
}

export function createModelInstaller(deps: ModelInstallerOptions): ModelInstaller {
  const { records, downloads, planDownload, pending, changes, weightFiles, verifier, folderOf, now } = deps;
  return {
    async *install(id, given, signal) {
      const plan = await planDownload(id);
      // A crash may have come between the record and this.
      if (plan === undefined) return void (await downloads.remove(id));
      const options = plan.allow_private ? { ...given, allow_private: true } : given;
      changes.begin(id, "downloaded");
      try {
        const listing = plan.model.files.length === 0 && { listing: true as const };
        if (plan.reference) yield { source: describeRepo(plan.reference.repo), bytes: 0, ...listing };
        const manifest = await pending.completeFiles(plan, options, signal).catch(throwDownloadError);
        const names = weightFilesOf(manifest).map(({ name }) => name);
        const whyRefused = (header: GgufHeader): string | undefined => whyUnusable(header, names);
        const files = yield* fetchModelFiles(weightFiles.filesOf(manifest), verifier, options, signal, whyRefused);
        const header = await readGgufFile(join(folderOf(id), files[0]!.name));
        const fault = whyRefused(header);
        if (fault !== undefined) throw new DownloadError("download_failed", fault);
        // How it is used may have been said anew meanwhile.
        const { engine, adapter_options } = (await downloads.get(id))?.model ?? manifest;
        const use = { ...(engine && { engine }), ...(adapter_options && { adapter_options }) };
        const { engine: _, adapter_options: __, ...found } = manifest;
        await records.put(fillFromHeader({ ...found, ...use, created: now(), files }, header));
        await forgetOrigins(folderOf(id), files);
        // The record comes first: a crash in between leaves a pending model that is here already.
        await downloads.remove(id);
      } catch (error) {
        if (plan.reference && isChecksumMismatch(error)) await pending.forgetFiles(id);
        throw error;
      } finally {
        changes.end(id);
      }
    },

    async fetchRemoteFacts(id, given, signal) {
      const plan = await planDownload(id);
      if (plan === undefined) throw notInCatalog(id);
      const options = plan.allow_private ? { ...given, allow_private: true } : given;
      try {
        const started = performance.now();
        const manifest = await pending.completeFiles(plan, options, signal);
        const weights = weightFilesOf(manifest);
        const left = (options.listing_ms ?? LISTING_MS) - (performance.now() - started);
        const header = await fetchRemoteHeader(manifest, options, signal, left);
        const names = weights.map(({ name }) => name);
        const fault = whyUnusable(header, names);
        if (fault !== undefined) throw noModel(id, fault);
        return { header, extra_bytes: totalBytes(weights.slice(1)) };
      } catch (error) {
        throw error instanceof SourceError ? unreadableHeader(id, error) : error;
      }
    },
  };
}
