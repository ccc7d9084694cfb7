// The whole API without a socket, a disk or a clock: records in memory, counted ids, an adapter of the test's choice.
import { tmpdir } from "node:os";
import { join } from "node:path";
import memory from "unstorage/drivers/memory";
import type { Adapter } from "../../adapters/adapter.ts";
import { echo } from "../../adapters/echo.ts";
import type { InstalledModel, Model } from "../../models/manifest.ts";
import type { DownloadOptions } from "../../models/sources/source.ts";
import { createApp } from "../../src/server/app.ts";
import type { AppOptions } from "../../src/api/deps.ts";
import { createDownloadJobs } from "../../src/library/download-jobs.ts";
import { createModelPool, type ModelPoolOptions } from "../../src/inference/model-pool.ts";
import type { ErrorBody } from "../../src/http/errors.ts";
import { createLibrary } from "../../src/library/library.ts";
import { createLog } from "../../src/support/log/log.ts";
import { encodeKey } from "../../src/storage/encode-key.ts";
import { createStore } from "../../src/storage/store.ts";

export const NOW = 1_700_000_000;
export const HI = [{ role: "user", content: "hi" }];
export const SEED = 4_000_000_000;

type Passed =
  | "estimator"
  | "fetchRemoteFacts"
  | "default_model"
  | "stream_default"
  | "log_requests"
  | "importFolder"
  | "sealKey"
  | "allow_private"
  | "download_hosts"
  | "models_dir"
  | "adapterOf"
  | "templates"
  | "adapterNotice";

interface Options extends Partial<Pick<AppOptions, Passed>> {
  guards?: Partial<AppOptions["guards"]>;
  /** The installed models; one called "tiny" unless said. */
  models?: Model[];
  /** The echo adapter unless said. */
  adapter?: Adapter;
  pool?: Partial<ModelPoolOptions>;
  /** A folder where the weights of the models are; absent: whatever is installed has its weights. */
  weights?: string;
  /** How downloads go about it; they need `weights`. */
  download?: DownloadOptions;
}

export function makeApp(options: Options = {}) {
  const {
    models = [makeModel("tiny")],
    adapter = echo(),
    pool: engineOptions = {},
    weights,
    download: source = {},
    guards = {},
    ...more
  } = options;
  const lines: Record<string, unknown>[] = [];
  const log = createLog((line) => lines.push(JSON.parse(line)), { now: () => 0 });
  const driver = memory();
  for (const model of models) void driver.setItem!(`models:${encodeKey(model.id)}`, JSON.stringify(model), {});
  const store = createStore({ driver, shared: false, log });
  const library = createLibrary({
    records: store.models,
    downloads: store.downloads,
    weights: weights ?? join(tmpdir(), "ingle-nothing-there"),
    now: () => NOW,
  });
  if (weights === undefined) library.resolve = async (model) => resolve(model);
  const adapterOf = () => adapter;
  const pool = createModelPool({ adapterOf, resolve, slots: 2, queue: 2, log, ...engineOptions });
  const downloads = createDownloadJobs({
    library,
    records: store.downloads,
    options: { allow_private: true, ...source },
    now: () => NOW,
    log,
    every_ms: 10,
  });
  const counts: Record<string, number> = {};
  const newId = (prefix: string) => prefix + (counts[prefix] = (counts[prefix] ?? 0) + 1);
  const app = createApp({
    guards: { hosts: [], wide: false, origins: [], keys: [], newRequestId: () => newId("req_"), ...guards },
    store,
    library,
    downloads,
    pool: pool,
    adapterOf,
    log,
    version: "1.2.3",
    llamaCppRelease: () => "v9.9.9",
    stream_default: false,
    newId,
    newSeed: () => SEED,
    now: () => NOW,
    ...more,
  });
  /** `path` begins with a slash; JSON unless the headers say otherwise. */
  const request = async (path: string, { headers, ...init }: RequestInit = {}): Promise<Response> => {
    const all = new Headers({ host: "localhost" });
    if (init.body != null) all.set("content-type", "application/json");
    new Headers(headers).forEach((value, name) => all.set(name, value));
    return app.request(`http://localhost${path}`, { ...init, headers: all });
  };
  const post = (path: string, value: unknown, init: RequestInit = {}) =>
    request(path, { method: "POST", body: typeof value === "string" ? value : JSON.stringify(value), ...init });
  /** A chat request; `fields` come over one short message. */
  const chat = (fields: object = {}, init: RequestInit = {}) => post("/v1/chat/completions", { messages: HI, ...fields }, init);
  return { app, store, driver, library, downloads, pool, request, post, chat, log: lines };
}

export function makeModel(id: string, more: Partial<Model> = {}): Model {
  return {
    id,
    object: "model",
    name: id,
    version: "1.0",
    description: "",
    format: "gguf",
    created: NOW - 60,
    owned_by: "",
    settings: {},
    parameters: {},
    metadata: {},
    files: [{ name: "weights.gguf", sources: [] }],
    ...more,
  };
}

export const resolve = ({ id, settings }: Model): InstalledModel => ({ id, path: `/models/${id}.gguf`, settings });

export async function errorOf(res: Response): Promise<ErrorBody["error"] & { status: number }> {
  const { error } = (await res.json()) as ErrorBody;
  return { status: res.status, ...error };
}
