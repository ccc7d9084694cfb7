// /v1/models/download/{id}: starts the one job that fetches a model, tells of it, and stops it.
import { Hono, type Context } from "hono";
import * as v from "valibot";
import type { Deps } from "../deps.ts";
import { ApiError } from "../../http/errors.ts";
import { quote } from "../../support/quote.ts";
import type { Marks } from "../../http/middleware/check.ts";
import { sameOrigin } from "../../http/middleware/origin.ts";
import { sse } from "../../http/sse.ts";
import { parseBody } from "../../http/validate.ts";
import { modelId } from "../models/model-id.ts";

const Nothing = v.object({});

const EVENTS = "/events";

export const downloads = (deps: Deps) => {
  const mayAct = sameOrigin(deps.guards.keys.length > 0);

  const start = async (c: Context) => {
    const id = modelId(c);
    const downloaded = (await deps.downloads.start(id)) === "there";
    // The document has the message alone, which is for people.
    return c.json({ message: downloaded ? `Model ${id} is already downloaded` : `Starting download ${id}`, downloaded });
  };

  const events = (c: Context) => {
    if (c.env.head) return c.body(null);
    const stop = new AbortController(); // sse() aborts it when the client leaves; the job goes on
    const signal = AbortSignal.any([c.req.raw.signal, stop.signal]);
    return sse(deps.downloads.events(modelId(c, EVENTS), signal), stop, { onError: (error) => deps.onError(error, c) });
  };

  return new Hono<{ Bindings: Marks }>()
    .get("/*", async (c, next) => {
      // Without an id it is the model called "download" that is meant. A model called `x/events` is `x%2Fevents` here.
      if (modelId(c) === "") return next();
      if (c.req.path.endsWith(EVENTS) && modelId(c, EVENTS) !== "") return events(c);
      mayAct(c, c.env);
      if (!c.env.head) return start(c);
      await deps.library.planDownload(modelId(c));
      return c.body(null);
    })
    .post("/*", async (c, next) => {
      if (modelId(c) === "") return next();
      await parseBody(c, Nothing, { optional: true });
      return start(c);
    })
    .delete("/*", async (c, next) => {
      const id = modelId(c);
      if (id === "") return next();
      if (await deps.downloads.cancel(id)) return c.json({ id, object: "model.download", cancelled: true });
      throw new ApiError(404, `The model ${quote(id)} is not being downloaded, so there is nothing to stop.`, {
        param: "model_id",
        code: "download_not_found",
      });
    });
};
