// GET /v1/models and GET /v1/models/{id}.
import { Hono } from "hono";
import type { Model, Source } from "../../models/model.ts";
import type { Deps } from "../deps.ts";
import { ApiError, shown } from "../errors.ts";

export const models = (deps: Deps) =>
  new Hono()
    .get("/", async (c) => {
      const data = (await deps.library.list()).map((model) => shownModel(model, deps));
      return c.json({ object: "list", data, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null, has_more: false });
    })
    // An id may hold slashes, raw or encoded.
    .get("/:id{.+}", async (c) => {
      const id = c.req.param("id");
      const model = await deps.library.get(id);
      if (model !== undefined) return c.json(shownModel(model, deps));
      throw new ApiError(404, `Model ${shown(id)} is not installed. GET /v1/models lists those that are.`, {
        param: "model_id",
        code: "model_not_found",
      });
    });

/** The document's `Model`, OpenAI's `created` and `owned_by`, and the state of its engine. */
function shownModel(model: Model, { engines, adapter }: Deps) {
  const { files, settings, parameters, metadata, ...rest } = model;
  const sources = files.flatMap((file) => file.sources.map((source) => ({ filename: file.name, ...place(source) })));
  return {
    ...rest,
    created_at: model.created,
    source_url: model.source_url ?? sources.find(({ url }) => url !== undefined)?.url ?? "",
    owned_by: model.owned_by || metadata.author || "",
    settings,
    parameters,
    metadata: { ...metadata, size: metadata.size ?? files.reduce((sum, { size = 0 }) => sum + size, 0) },
    engine: model.engine ?? adapter,
    sources,
    state: engines.state(model.id),
    context_length: model.context_length ?? null,
    capabilities: ["chat"],
  };
}

function place(source: Source): { type: Source["type"]; url?: string; package?: string } {
  if (source.type === "url") return { type: source.type, url: source.url };
  if (source.type === "pip") return { type: source.type, package: `${source.package}==${source.version}` };
  return { type: source.type, url: `https://huggingface.co/${source.repo}/resolve/${source.revision}/${source.file}` };
}
