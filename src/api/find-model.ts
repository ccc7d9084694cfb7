// The model of a request: the one it names, or the default.
import { DEFAULT_MODEL } from "../../models/catalog.ts";
import type { Model } from "../../models/manifest.ts";
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

/** For `catch`: a model that is loaded, the one with this `id` or any, answers also while its record cannot be reached. */
function runningWhileAway(error: unknown, pool: Deps["pool"], id?: string): Model[] {
  const away = error instanceof ApiError && error.code === "storage_unavailable";
  const running = away ? pool.running().filter((model) => id === undefined || model.id === id) : [];
  if (running.length === 0) throw error;
  return running;
}

/** The model of requests that name none: the configured one, or the only one. Throws 400, and 404 where none is installed. */
export async function findDefaultModel(deps: Deps): Promise<Model> {
  if (deps.default_model !== undefined) return findModel(deps, deps.default_model);
  const [model, ...others] = await deps.library.list().catch((error) => runningWhileAway(error, deps.pool));
  if (model === undefined) {
    const message = `No model is installed. Run "ingle pull ${DEFAULT_MODEL}"; "ingle list --catalog" shows more.`;
    throw new ApiError(404, message, { param: "model", code: "model_not_found" });
  }
  if (others.length === 0) return model;
  const message = `"model" is missing and ${others.length + 1} models are installed. Name one of them.`;
  throw invalidValue(message, "model", "missing_required_parameter");
}
