// The model of a request: the one it names, or the default.
import { DEFAULT_MODEL } from "../../models/catalog.ts";
import type { Model } from "../../models/manifest.ts";
import { describeKind, type Task, tasksOf } from "../../models/tasks.ts";
import type { DownloadEvent } from "../library/download-event.ts";
import type { Deps } from "./deps.ts";
import { ApiError, invalidValue } from "../http/errors.ts";
import { noModel } from "../http/not-found.ts";
import { quote } from "../support/quote.ts";

const UNDER_WAY: Partial<Record<DownloadEvent["state"], string>> = {
  downloading: "is being downloaded",
  queued: "is queued for its download",
  waiting: "waits before its download is tried again",
};

/** Throws 404 `model_not_found` and 409 `model_not_ready`; `param` is where the id stands. */
export async function findModel({ library, downloads, pool }: Deps, id: string, param = "model"): Promise<Model> {
  const model = await library.get(id).catch((error) => runningWhileAway(error, pool, id)[0]);
  if (model !== undefined) return model;
  const state = downloads.state(id);
  const doing = state && UNDER_WAY[state];
  if (doing !== undefined) {
    const message = `Model ${quote(id)} ${doing}. Try again when it is there: GET /v1/models shows its state.`;
    throw new ApiError(409, message, { param, code: "model_not_ready" });
  }
  throw noModel(id, param);
}

export const isStorageAway = (error: unknown): boolean => error instanceof ApiError && error.code === "storage_unavailable";

/** For `catch`: a model that is loaded, the one with this `id` or any, answers also while its record cannot be reached. */
function runningWhileAway(error: unknown, pool: Deps["pool"], id?: string): Model[] {
  const running = isStorageAway(error) ? pool.running().filter((model) => id === undefined || model.id === id) : [];
  if (running.length === 0) throw error;
  return running;
}

/** The model of a request. Throws as `findModel` and `findDefaultModel`, and 400 for a model that cannot do the task. */
export async function findTaskModel(deps: Deps, id: string | null | undefined, task: Task): Promise<Model> {
  if (id == null) return findDefaultModel(deps, task);
  const model = await deps.library.withHeaderFacts(await findModel(deps, id));
  if (tasksOf(model).includes(task)) return model;
  const able = await thatCan(await listModels(deps), deps, task);
  const named = able.slice(0, MOST_NAMED).map((other) => quote(other.id));
  const more = able.length > named.length ? ` and ${able.length - named.length} more` : "";
  const way_out =
    able.length === 0 ? `No installed model can. ${TO_FETCH}` : `Installed models that can: ${named.join(", ")}${more}.`;
  throw invalidValue(`${quote(id)} is ${describeKind(model)}: it cannot ${DOES[task]}. ${way_out}`, "model");
}

/**
 * The model of requests that name none: the configured one where it can do the task, or the only one that can. Throws 400, and 404 where
 * none can.
 */
export async function findDefaultModel(deps: Deps, task: Task): Promise<Model> {
  if (deps.default_model !== undefined) {
    const model = await deps.library.withHeaderFacts(await findModel(deps, deps.default_model));
    if (tasksOf(model).includes(task)) return model;
  }
  const installed = await listModels(deps);
  const [model, ...others] = await thatCan(installed, deps, task);
  if (model === undefined)
    throw new ApiError(404, noModelFor(task, installed.length), { param: "model", code: "model_not_found" });
  if (others.length === 0) return model;
  const message = `"model" is missing, and ${others.length + 1} of the installed models can ${DOES[task]}. Name one of them.`;
  throw invalidValue(message, "model", "missing_required_parameter");
}

function noModelFor(task: Task, installed: number): string {
  if (installed > 0) return `No installed model can ${DOES[task]}. ${TO_FETCH}`;
  return task === "chat" || task === "completions"
    ? `No model is installed. Run "ingle pull ${DEFAULT_MODEL}"; "ingle list --catalog" shows more.`
    : `No model is installed. ${TO_FETCH}`;
}

const TO_FETCH = '"ingle list --catalog" shows what "ingle pull" can fetch.';

const MOST_NAMED = 5;

const DOES: Record<Task, string> = {
  chat: "chat",
  completions: "complete texts",
  embeddings: "embed texts",
  rerank: "rank documents",
};

async function thatCan(models: Model[], { library }: Deps, task: Task): Promise<Model[]> {
  const read = await Promise.all(models.map(library.withHeaderFacts));
  return read.filter((model) => tasksOf(model).includes(task));
}

const listModels = ({ library, pool }: Deps): Promise<Model[]> => library.list().catch((error) => runningWhileAway(error, pool));
