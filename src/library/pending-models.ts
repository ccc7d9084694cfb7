// Models that were asked for and are not here: each is a record of its own until it is fetched.
import { isDeepStrictEqual } from "node:util";
import { listFiles } from "../../models/sources/huggingface.ts";
import type { DownloadOptions } from "../../models/sources/source.ts";
import type { Model } from "../../models/manifest.ts";
import type { HubReference } from "../../models/reference.ts";
import type { PendingModel } from "../../models/pending-model.ts";
import type { Collection } from "../storage/collection.ts";
import { takenId } from "./errors.ts";

/** What is to be fetched for a model. */
export interface DownloadPlan {
  model: Model;
  /** Says what the files are where the manifest has none. */
  reference?: HubReference | undefined;
  /** The address may be plain http, or private. */
  allow_private?: boolean | undefined;
}

export interface PendingModels {
  /** Records a model that is to be fetched. Throws `ApiError` 409 `model_exists` for an id that stands for another one. */
  addPending(plan: DownloadPlan): Promise<void>;
  /** Manifests of the pending models, sorted by id; without files where only the hub can say what they are made of. */
  listPending(): Promise<Model[]>;
  /** The manifest that was asked for under this id, whether or not it is here by now; undefined where its record cannot be read. */
  getPending(id: string): Promise<Model | undefined>;
  /** Whether the id is in use for this very model. Throws `ApiError` 409 `model_exists` where it is for another one. */
  isKnown(model: Model): Promise<boolean>;
  /** The model with its files. The hub's answer is recorded: a later try goes on with the same ones. Throws `SourceError`. */
  completeFiles(plan: DownloadPlan, options: DownloadOptions, signal: AbortSignal): Promise<Model>;
  /** Drops the hub's answer, which is about a file that it has no more: the next try asks anew. */
  forgetFiles(id: string): Promise<void>;
}

export interface PendingModelsOptions {
  records: Collection<Model>;
  downloads: Collection<PendingModel>;
  /** Seconds since 1970. */
  now: () => number;
}

export function createPendingModels({ records, downloads, now }: PendingModelsOptions): PendingModels {
  const isKnown = async (model: Model): Promise<boolean> => {
    const [installed, pending] = [await records.get(model.id), await downloads.get(model.id)];
    for (const other of [installed, pending?.model]) if (other !== undefined && !isSame(other, model)) throw takenId(model.id);
    return installed !== undefined || pending !== undefined;
  };

  return {
    isKnown,
    async addPending({ model, reference, allow_private }) {
      if (await isKnown(model)) return;
      const record = { id: model.id, object: "model.download", created_at: now(), state: "added", model } as const;
      await downloads.put({ ...record, ...(reference && { reference }), ...(allow_private && { allow_private }) });
    },
    async listPending() {
      const pending = await downloads.getMany(await downloads.ids());
      const installed = new Set(await records.ids());
      return pending.map(({ model }) => model).filter(({ id }) => !installed.has(id));
    },
    async getPending(id) {
      const [pending] = await downloads.getMany([id]);
      return pending?.model;
    },
    async completeFiles({ model, reference }, options, signal) {
      if (model.files.length > 0 || reference === undefined) return model;
      const files = await listFiles(reference, options, signal);
      await downloads.patch(model.id, (record) => ({ ...record, model: { ...model, files } }));
      return { ...model, files };
    },
    async forgetFiles(id) {
      await downloads.patch(id, (record) => ({ ...record, model: { ...record.model, files: [] } }));
    },
  };
}

/** What makes two requests for one id the same. */
function isSame(one: Model, other: Model): boolean {
  if (one.source_url === undefined || one.source_url !== other.source_url) return false;
  return isDeepStrictEqual(one.upstream, other.upstream);
}
