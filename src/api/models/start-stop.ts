// POST and PUT /v1/models/{id}/start and /stop, and GET /v1/ps: which models are loaded.
import type { Context } from "hono";
import * as v from "valibot";
import type { Deps } from "../deps.ts";
import type { Handlers } from "../lazy-handlers.ts";
import { json } from "../../http/json.ts";
import type { AppEnv } from "../../http/app-env.ts";
import { answerOtherMethod } from "../../http/other-methods.ts";
import { isOperator } from "../../http/middleware/auth.ts";
import { KeepAlive } from "../../support/quantities.ts";
import { parseBody } from "../../http/validate.ts";
import { findModel, isStorageAway } from "../find-model.ts";
import { isOfDownloads, modelIdFromPath } from "./model-id.ts";
import { problemOf } from "./wire-form.ts";
import { object } from "../objects.ts";

export const StartRequest = object({ keep_alive: v.nullish(KeepAlive), pinned: v.nullish(v.boolean()) });
export const StopRequest = object({});

/** What GET, PATCH and DELETE name is the model called `x/start`. */
export const OF_A_MODEL = ["GET", "HEAD", "PATCH", "DELETE"];
/** Jan's clients send PUT. */
const ACTING = ["POST", "PUT"];

/** The methods of the rest of the path: a download cannot be changed. */
const methodsOf = (c: Context): string[] => OF_A_MODEL.filter((method) => method !== "PATCH" || !isOfDownloads(c));

export const startStopHandlers = (deps: Deps) =>
  ({
    /** A model called `x/start` is `x%2Fstart` here. */
    async startOrStop(c, next) {
      const [end, action] = /\/(start|stop)\/?$/.exec(c.req.path) ?? [];
      const id = end === undefined || methodsOf(c).includes(c.req.method) ? "" : modelIdFromPath(c, end);
      if (id === "") return next();
      if (!ACTING.includes(c.req.method)) return answerOtherMethod(c, [...methodsOf(c), ...ACTING]);
      return action === "start" ? startModel(c, deps, id) : stopModel(c, deps, id);
    },
    /**
     * A list of `EngineRow`, with a `notice` where an adapter was passed over, or a model that is not loaded is damaged, and with what is known
     * of the `speeds` of engines.
     */
    async listLoadedModels(c) {
      const { pool, library, guards, adapterNotice, engineSpeeds = () => [] } = deps;
      const installed = await library.list().catch((error) => {
        if (isStorageAway(error)) return [];
        throw error;
      });
      const idle = installed.filter(({ id }) => pool.state(id) === "stopped");
      const for_owner = isOperator(c, guards.operator_key);
      const problems = await Promise.all(idle.map((model) => problemOf(() => library.resolve(model), for_owner)));
      const notices = [adapterNotice?.(), ...problems].filter((text) => text !== undefined);
      const speeds = engineSpeeds();
      const notice = notices.length > 0 ? notices.join(" ") : undefined;
      return json(c, { object: "list", data: pool.list(), notice, speeds: speeds.length > 0 ? speeds : undefined });
    },
  }) satisfies Handlers;

/** Answers when the model is loaded. Throws 404 `model_not_found`, and what a chat throws. */
async function startModel(c: Context<AppEnv>, deps: Deps, id: string): Promise<Response> {
  const { keep_alive, pinned } = await parseBody(c, StartRequest, { optional: true });
  const model = await findModel(deps, id, "model_id");
  const options = { keep_alive: keep_alive ?? undefined, pinned: pinned ?? undefined };
  await deps.pool.start(model, options, c.req.raw.signal);
  return json(c, { id, object: "model", state: "running" });
}

/** Answers when the generations of the model have ended and it is unloaded. Throws 404 `model_not_found`. */
async function stopModel(c: Context<AppEnv>, deps: Deps, id: string): Promise<Response> {
  await parseBody(c, StopRequest, { optional: true });
  await findModel(deps, id, "model_id");
  await deps.pool.unload(id);
  return json(c, { id, object: "model", state: "stopped" });
}
