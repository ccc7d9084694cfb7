// Models that were asked for and are not here: each is a record of its own until it is fetched.
import { isDeepStrictEqual } from "node:util";
import type { DownloadOptions } from "../../models/sources/source.ts";
import type { Model, ModelFile } from "../../models/manifest.ts";
import type { HubReference } from "../../models/reference.ts";
import type { PendingModel } from "../../models/pending-model.ts";
import type { Collection } from "../storage/collection.ts";
import { busyModel, takenId, uncheckedFile } from "./errors.ts";
import { createPendingLimits } from "./pending-limits.ts";

/** What is to be fetched for a model. */
export interface DownloadPlan {
  model: Model;
  /** Says what the files are where the manifest has none. */
  reference?: HubReference | undefined;
  /** The address may be plain http, or private. */
  allow_private?: boolean | undefined;
}

export interface PendingModels {
  /**
   * Records a model that is to be fetched, durably; of one that is pending, what is said of it for the first time. `client`: who asks for it,
   * empty where nobody can be told apart. Throws `ApiError` 409 `model_exists` for an id that stands for another one, or for a file that was
   * fetched without its size or sha256, `model_not_ready` while it is fetched so, and 429 `too_many_pending`.
   */
  addPending(plan: DownloadPlan, client?: string): Promise<void>;
  /**
   * Says how a known model is used, pending or not. Whether one that is here was used otherwise. `meant`: only where the model of that id is this
   * one.
   */
  setUse(id: string, use: ModelUse, meant?: Model): Promise<boolean>;
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

/** Which adapter runs a model, and with which options. What is not said stays; undefined is none. */
export type ModelUse = Partial<Pick<Model, "engine" | "adapter_options">>;

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

  /** What is said of a known model for the first time. What is expected of its file can be held only before that is fetched. */
  const sayMore = async ({
    model: {
      id,
      files: [asked],
    },
    allow_private,
  }: DownloadPlan): Promise<void> => {
    const unknownTo = (known: Model): boolean => EXPECTED.some((name) => asked?.[name] !== undefined && !known.files[0]?.[name]);
    const installed = await records.get(id);
    if (installed !== undefined && unknownTo(installed)) throw uncheckedFile(id);
    await downloads.patch(id, (record) => {
      const allowed = allow_private && !record.allow_private ? { ...record, allow_private } : record;
      if (!unknownTo(record.model)) return allowed;
      if (record.state === "downloading") throw busyModel(id, "downloaded");
      return { ...allowed, model: { ...record.model, files: [{ ...record.model.files[0]!, ...asked }] } };
    });
  };

  const limits = createPendingLimits(downloads);

  return {
    isKnown,
    async setUse(id, use, meant) {
      const change = (record: Model): Model => {
        const changed = { ...record, ...use };
        const isOther = !isDeepStrictEqual(usesOf(record), usesOf(changed));
        return isOther && (meant === undefined || isSame(record, meant)) ? changed : record;
      };
      await downloads.patch(id, (record) => {
        const changed = change(record.model);
        return changed === record.model ? record : { ...record, model: changed };
      });
      const before = await records.get(id);
      const after = before && (await records.patch(id, change));
      return before !== undefined && after !== undefined && !isDeepStrictEqual(usesOf(after), usesOf(before));
    },
    async addPending(plan, client = "") {
      const { model, reference, allow_private } = plan;
      if (await isKnown(model)) return sayMore(plan);
      const record = { id: model.id, object: "model.download", created_at: now(), state: "added", model } as const;
      const optional = { ...(reference && { reference }), ...(allow_private && { allow_private }), ...(client && { client }) };
      await limits.add(model.id, client, () => downloads.put({ ...record, ...optional }));
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
      const { listFiles } = await import("../../models/sources/hub-listing.ts");
      const files = await listFiles(reference, options, signal);
      await downloads.patch(model.id, (record) => ({ ...record, model: { ...model, files } }));
      return { ...model, files };
    },
    async forgetFiles(id) {
      await downloads.patch(id, (record) => ({ ...record, model: { ...record.model, files: [] } }));
    },
  };
}

const usesOf = ({ engine, adapter_options }: Model): unknown[] => [engine, adapter_options];

/** What makes two requests for one id the same. */
function isSame(one: Model, other: Model): boolean {
  if (one.source_url === undefined || one.source_url !== other.source_url) return false;
  // A file that is used in place may change; one that is fetched is what it was said to be.
  const isFetched = [...one.files, ...other.files].every(({ path }) => path === undefined);
  return isDeepStrictEqual(one.upstream, other.upstream) && !(isFetched && isOtherFile(one.files[0], other.files[0]));
}

const EXPECTED = ["size", "sha256"] as const;

function isOtherFile(one: ModelFile | undefined, other: ModelFile | undefined): boolean {
  return EXPECTED.some((name) => one?.[name] !== undefined && other?.[name] !== undefined && one[name] !== other[name]);
}
