// What a download of a model would fetch.
import { catalog } from "../../models/catalog.ts";
import { ApiError } from "../http/errors.ts";
import { notInCatalog } from "../http/not-found.ts";
import { upstreamModel } from "./errors.ts";
import type { DownloadPlan, PendingModelsOptions } from "./pending-models.ts";
import type { WeightFiles } from "./weight-files.ts";

export interface DownloadPlanner {
  /**
   * What a download would fetch: a pending model, one of the catalogue, or again the files of a record; undefined when all is there,
   * which takes a sha256 of what may have changed.
   * Throws `ApiError` 404 `model_not_found`, 409 `model_not_downloadable` for one that other servers run, and 500
   * `model_corrupted` where a file that is used in place is gone.
   */
  planDownload(id: string): Promise<DownloadPlan | undefined>;
}

export interface DownloadPlannerOptions extends Pick<PendingModelsOptions, "records" | "downloads"> {
  weightFiles: Pick<WeightFiles, "verifyAll">;
}

export function createDownloadPlanner({ records, downloads, weightFiles }: DownloadPlannerOptions): DownloadPlanner {
  return {
    async planDownload(id) {
      const installed = await records.get(id);
      if (installed?.upstream !== undefined) throw upstreamModel(id, installed.upstream.urls[0]!);
      const fault: unknown = installed && (await weightFiles.verifyAll(installed).then(nothing, (error) => error));
      if (installed !== undefined && fault === undefined) return undefined;
      if (fault instanceof ApiError && fault.code !== "model_corrupted") throw fault;
      const added = await downloads.get(id);
      const listed = (await catalog()).find((model) => model.id === id);
      // What an older catalogue said of its model may hold no more. A client may have added another model by this id.
      const is_listed = listed !== undefined && !added?.reference && added?.model.source_url === listed.source_url;
      if (added !== undefined) return is_listed ? { ...added, model: listed } : added;
      const manifest = listed ?? installed;
      if (manifest === undefined) throw notInCatalog(id);
      if (manifest.files.some(({ path }) => path !== undefined)) throw fault;
      return { model: manifest };
    },
  };
}

const nothing = (): void => {};
