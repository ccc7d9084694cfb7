// PATCH /v1/models/{id}: changes how a known model is used.
import type { Context } from "hono";
import type { Deps } from "../deps.ts";
import { json } from "../../http/json.ts";
import type { AppEnv } from "../../http/app-env.ts";
import { noModel } from "../../http/not-found.ts";
import { isOperator } from "../../http/middleware/auth.ts";
import { parseBody } from "../../http/validate.ts";
import { decideOptions } from "./adapter-options.ts";
import { ModelChange } from "./schema.ts";
import { toWireModel } from "./wire-form.ts";

/** The model in its wire form. Requests that run on its engine go on with the old one. Throws 404 for one that is not known here, and 400. */
export async function changeModel(c: Context<AppEnv>, deps: Deps, id: string): Promise<Response> {
  const { adapter, adapter_options: change } = await parseBody(c, ModelChange);
  const installed = await deps.library.get(id);
  const known = installed ?? (await deps.library.getPending(id));
  if (known === undefined) throw noModel(id);
  const { engine: _, ...unpinned } = known;
  const model = adapter === undefined ? known : { ...unpinned, ...(adapter && { engine: adapter }) };
  const adapter_options = await decideOptions(c, deps, model, change);
  const use = { engine: model.engine, adapter_options };
  if (await deps.library.setUse(id, use)) void deps.pool.unload(id);
  const changed = { ...model, ...use };
  const presence = installed === undefined ? "available" : "installed";
  return json(c, await toWireModel(changed, presence, deps, { for_owner: isOperator(c, deps.guards.operator_key) }));
}
