// POST /v1/models/{id}/start and /stop, and GET /v1/ps: which models are loaded.
import { Hono, type Context } from "hono";
import * as v from "valibot";
import type { Deps } from "../deps.ts";
import { KeepAlive } from "../../support/quantities.ts";
import { parseBody } from "../../http/validate.ts";
import { modelOf } from "../chat/routes.ts";
import { modelId } from "./model-id.ts";

const StartRequest = v.object({ keep_alive: v.nullish(KeepAlive), pinned: v.nullish(v.boolean()) });
const StopRequest = v.object({});

/** To be mounted before the models, whose ids are all that follows in the path: a model called `x/start` is `x%2Fstart` here. */
export const modelRun = (deps: Deps) =>
  // No `post`: the routes that refuse other methods would take it for one of every model.
  new Hono().use("/*", async (c, next) => {
    const [end, action] = /\/(start|stop)\/?$/.exec(c.req.path) ?? [];
    const id = end === undefined || c.req.method !== "POST" ? "" : modelId(c, end);
    if (id === "") return next();
    return action === "start" ? start(c, deps, id) : stop(c, deps, id);
  });

/** GET answers a list of `EngineRow`. */
export const running = ({ pool: engines }: Deps) => new Hono().get("/", (c) => c.json({ object: "list", data: engines.list() }));

/** Answers when the model is loaded. Throws 404 `model_not_found`, and what a chat throws. */
async function start(c: Context, deps: Deps, id: string): Promise<Response> {
  const { keep_alive, pinned } = await parseBody(c, StartRequest, { optional: true });
  const model = await modelOf(deps, id, "model_id");
  const options = { keep_alive: keep_alive ?? undefined, pinned: pinned ?? undefined };
  await deps.pool.start(model, options, c.req.raw.signal);
  return c.json({ id, object: "model", state: "running" });
}

/** Answers when its turns have ended and it is unloaded. Throws 404 `model_not_found`. */
async function stop(c: Context, deps: Deps, id: string): Promise<Response> {
  await parseBody(c, StopRequest, { optional: true });
  await modelOf(deps, id, "model_id");
  await deps.pool.unload(id);
  return c.json({ id, object: "model", state: "stopped" });
}
