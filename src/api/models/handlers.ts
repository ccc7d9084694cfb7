// What /v1/models answers: the installed models, those of the catalogue, and pending ones.
import { catalog } from "../../../models/catalog.ts";
import type { Model } from "../../../models/manifest.ts";
import type { Deps } from "../deps.ts";
import type { Handlers } from "../lazy-handlers.ts";
import { json } from "../../http/json.ts";
import { noModel, notInCatalog } from "../../http/not-found.ts";
import { isOperator } from "../../http/middleware/auth.ts";
import { checkActingGet } from "../../http/middleware/origin.ts";
import { answerList } from "../../http/list.ts";
import { pageRecords, WHOLE } from "../../http/paging.ts";
import { parseQuery } from "../../http/validate.ts";
import { ListQuery, OneQuery } from "./schema.ts";
import { isOfDownloads, modelIdFromPath } from "./model-id.ts";
import { newModelRecord } from "./new-record.ts";
import { startStopHandlers } from "./start-stop.ts";
import { toWireModel, type ModelPresence } from "./wire-form.ts";

export const modelHandlers = (deps: Deps) => {
  const keyed = deps.guards.keys.length > 0;
  return {
    ...startStopHandlers(deps),
    async listModels(c) {
      const { catalog, ...page } = parseQuery(c, ListQuery);
      const found = await findModels(deps, catalog === "true");
      const ids = [...found.keys()].sort();
      const options = { fit: catalog === "true", for_owner: isOperator(c, deps.guards.operator_key) };
      const read = (some: string[]) => Promise.all(some.map((id) => toWireModel(...found.get(id)!, deps, options)));
      const paged = Object.values(page).some((value) => value !== undefined);
      // Sorted by id, as these ids do not grow with time.
      const records = pageRecords(ids, { ...(paged ? page : WHOLE), order: page.order ?? "asc" }, read);
      return answerList(c, records, { toWire: (model) => model, onError: deps.onError });
    },
    async createModel(c) {
      return (await import("./create.ts")).addModel(c, deps);
    },
    async getModel(c) {
      const id = modelIdFromPath(c);
      const query = parseQuery(c, OneQuery);
      const withCatalog = query.catalog === "true";
      const model = await deps.library.get(id);
      const options = { fit: true, for_owner: isOperator(c, deps.guards.operator_key) };
      if (model !== undefined) return json(c, await toWireModel(model, "installed", deps, options));
      const manifest =
        (await deps.library.getPending(id)) ?? (withCatalog ? (await catalog()).find((each) => each.id === id) : undefined);
      if (manifest === undefined) throw withCatalog ? notInCatalog(id) : noModel(id);
      const dials = query.fit === "true" && c.req.method !== "HEAD";
      if (dials) checkActingGet(c, keyed);
      return json(c, await toWireModel(manifest, "available", deps, { ...options, ...(dials && { remote: c.req.raw.signal }) }));
    },
    async patchModel(c, next) {
      const id = modelIdFromPath(c);
      if (id === "" || isOfDownloads(c)) return next();
      return (await import("./change.ts")).changeModel(c, deps, id);
    },
    async deleteModel(c, next) {
      const id = modelIdFromPath(c);
      if (id === "") return next();
      const stopped = await deps.downloads.cancel(id);
      const removed = await deps.library.remove(id, () => deps.pool.unload(id));
      if (!removed && !stopped) throw noModel(id);
      return json(c, { id, object: "model", deleted: true });
    },
  } satisfies Handlers;
};

/** All models by id, unreadable records too: they can be deleted. */
async function findModels({ library }: Deps, withCatalog: boolean): Promise<Map<string, [Model, ModelPresence]>> {
  const found = new Map<string, [Model, ModelPresence]>();
  if (withCatalog)
    for (const model of [...(await catalog()), ...(await library.listPending())]) found.set(model.id, [model, "available"]);
  for (const [id, model] of await library.all())
    found.set(id, model === undefined ? [newModelRecord(id, 0), "damaged"] : [model, "installed"]);
  return found;
}
