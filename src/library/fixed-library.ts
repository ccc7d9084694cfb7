// The library of an adapter that brings its own models, such as `--adapter echo`: they have no files here and cannot be changed.
import type { Model } from "../../models/manifest.ts";
import { toModelRecord, type OwnModel } from "../../models/own-model.ts";
import { ApiError } from "../http/errors.ts";
import type { Library } from "./library.ts";

export function createFixedLibrary(own: readonly OwnModel[]): Library {
  const models = own.map(toModelRecord);
  const find = (id: string): Model | undefined => models.find((model) => model.id === id);
  return {
    list: async () => models,
    all: async () => models.map((model) => [model.id, model]),
    get: async (id) => find(id),
    resolve: async ({ id, settings }) => ({ id, path: "", settings }),
    resolveForLoad: async ({ id, settings }) => ({ id, path: "", settings }),
    withHeaderFacts: async (model) => model,
    recheck: () => {},
    noteTemplate: async () => {},
    takeAsItIs: refuse,
    close: async () => {},
    add: refuse,
    addPending: refuse,
    setUse: refuse,
    addWithoutDownload: refuse,
    listPending: async () => [],
    getPending: async () => undefined,
    remove: refuse,
    partialBytes: async () => 0,
    planDownload: async (id) => (find(id) ? undefined : refuse()),
    fetchRemoteFacts: refuse,
    install: refuse,
  };
}

function refuse(): never {
  const message = "The models of this server's adapter cannot be changed: it brings its own.";
  throw new ApiError(409, message, { code: "model_not_changeable" });
}
