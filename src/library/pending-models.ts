// Models that are to be fetched: each is a record of its own until it is there.
import { isDeepStrictEqual } from "node:util";
import { listRepoFiles } from "../../models/sources/huggingface.ts";
import type { DownloadOptions } from "../../models/sources/web-request.ts";
import type { Model } from "../../models/manifest.ts";
import type { HubReference } from "../../models/reference.ts";
import type { WantedModel } from "../../models/pending-model.ts";
import type { Collection } from "../storage/collection.ts";
import { taken } from "./errors.ts";

export interface Wanted {
  model: Model;
  /** Says what the files are where the manifest has none. */
  reference?: HubReference | undefined;
  /** Its address may be plain http, or private. */
  allow_private?: boolean | undefined;
}

export interface Wishes {
  /** Notes a model that is to be fetched. Throws `ApiError` 409 `model_exists` for an id that stands for another one. */
  ask(wanted: Wanted): Promise<void>;
  /** Models that were asked for and are not there, sorted by id; without files where only the hub can say what they are made of. */
  asked(): Promise<Model[]>;
  /** The one that was asked for under this id, there or not; undefined where that cannot be read. */
  askedFor(id: string): Promise<Model | undefined>;
  /** Whether the id is in use for this very model. Throws `ApiError` 409 `model_exists` where it is for another one. */
  known(model: Model): Promise<boolean>;
  /** The model with its files. The hub's word on them is kept: a later try goes on with the same ones. Throws `SourceError`. */
  complete(wanted: Wanted, options: DownloadOptions, signal: AbortSignal): Promise<Model>;
  /** What the hub said was of a file that it has no more: the next try asks anew. */
  forgetFiles(id: string): Promise<void>;
}

export interface WishesOptions {
  records: Collection<Model>;
  downloads: Collection<WantedModel>;
  /** Seconds since 1970. */
  now: () => number;
}

export function createWishes({ records, downloads, now }: WishesOptions): Wishes {
  const known = async (model: Model): Promise<boolean> => {
    const [there, asked] = [await records.get(model.id), await downloads.get(model.id)];
    for (const other of [there, asked?.model]) if (other !== undefined && !isSame(other, model)) throw taken(model.id);
    return there !== undefined || asked !== undefined;
  };

  return {
    known,
    async ask({ model, reference, allow_private }) {
      if (await known(model)) return;
      const wish = { id: model.id, object: "model.download", created_at: now(), state: "added", model } as const;
      await downloads.put({ ...wish, ...(reference && { reference }), ...(allow_private && { allow_private }) });
    },
    async asked() {
      const wishes = await downloads.some(await downloads.ids());
      const there = new Set(await records.ids());
      return wishes.map(({ model }) => model).filter(({ id }) => !there.has(id));
    },
    async askedFor(id) {
      const [wish] = await downloads.some([id]);
      return wish?.model;
    },
    async complete({ model, reference }, options, signal) {
      if (model.files.length > 0 || reference === undefined) return model;
      const files = await listRepoFiles(reference, options, signal);
      await downloads.patch(model.id, (wish) => ({ ...wish, model: { ...model, files } }));
      return { ...model, files };
    },
    async forgetFiles(id) {
      await downloads.patch(id, (wish) => ({ ...wish, model: { ...wish.model, files: [] } }));
    },
  };
}

/** What makes two requests for one id the same. */
function isSame(one: Model, other: Model): boolean {
  if (one.source_url === undefined || one.source_url !== other.source_url) return false;
  return isDeepStrictEqual(one.upstream, other.upstream);
}
