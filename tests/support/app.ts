// The whole API without a socket, a disk or a clock: models in memory, counted ids, an adapter of the test's choice.
import type { Adapter } from "../../adapters/adapter.ts";
import { echo } from "../../adapters/echo.ts";
import type { InstalledModel, Model } from "../../models/model.ts";
import { createApp } from "../../src/app.ts";
import type { AppOptions } from "../../src/deps.ts";
import { createEngines, type EnginesOptions } from "../../src/engines.ts";
import type { ErrorBody } from "../../src/errors.ts";
import { createLog } from "../../src/log.ts";

export const NOW = 1_700_000_000;
export const HI = [{ role: "user", content: "hi" }];
export const SEED = 4_000_000_000;

interface Options extends Partial<Pick<AppOptions, "default_model" | "stream_default" | "guards">> {
  /** The installed models; one called "tiny" unless said. */
  models?: Model[];
  /** The echo adapter unless said. */
  adapter?: Adapter;
  engines?: Partial<EnginesOptions>;
}

export function makeApp({ models = [makeModel("tiny")], adapter = echo(), engines: engineOptions = {}, ...more }: Options = {}) {
  const installed = new Map(models.map((model) => [model.id, model]));
  const lines: Record<string, unknown>[] = [];
  const log = createLog(
    (line) => lines.push(JSON.parse(line)),
    () => 0,
  );
  const engines = createEngines({ adapter, resolve, slots: 2, queue: 2, log, ...engineOptions });
  const counts: Record<string, number> = {};
  const app = createApp({
    guards: { hosts: [], wide: false, origins: [], keys: [] },
    library: { list: async () => [...installed.values()], get: async (id) => installed.get(id) },
    engines,
    adapter: adapter.name,
    log,
    version: "1.2.3",
    stream_default: false,
    newId: (prefix) => prefix + (counts[prefix] = (counts[prefix] ?? 0) + 1),
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
  return { app, engines, request, post, chat, installed, log: lines };
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
