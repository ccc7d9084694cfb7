// /v1/models/download/{id}: starts the one job that fetches a model, tells of it, and stops it.
import { Hono, type Context } from "hono";
import * as v from "valibot";
import type { Deps } from "../deps.ts";
import { ApiError, shown } from "../errors.ts";
import { sameOrigin } from "../guards/origin.ts";
import { sse } from "../sse.ts";
import { body } from "../validate.ts";

const Nothing = v.object({});

export const downloads = (deps: Deps) => {
  const start = async (c: Context) => {
    const id = c.req.param("id")!;
    const downloaded = (await deps.downloads.start(id)) === "there";
    // The document has the message alone, which is for people.
    return c.json({ message: downloaded ? `Model ${id} is already downloaded` : `Starting download ${id}`, downloaded });
  };
  return (
    new Hono()
      // The slash before `events` is raw: a model called `x/events` is `x%2Fevents` here.
      .get("/:id{.+}/events", async (c) => {
        if (c.req.method === "HEAD") return c.body(null);
        const stop = new AbortController(); // sse() aborts it when the client leaves; the job goes on
        const signal = AbortSignal.any([c.req.raw.signal, stop.signal]);
        const events = deps.downloads.events(c.req.param("id"), signal);
        return sse(events, stop, { onError: (error) => deps.onError(error, c) });
      })
      .get("/:id{.+}", sameOrigin(deps.guards.keys.length > 0), async (c) => {
        if (c.req.method !== "HEAD") return start(c);
        await deps.library.wanted(c.req.param("id"));
        return c.body(null);
      })
      .post("/:id{.+}", async (c) => {
        await body(c, Nothing, { optional: true });
        return start(c);
      })
      .delete("/:id{.+}", async (c) => {
        const id = c.req.param("id");
        if (await deps.downloads.cancel(id)) return c.json({ id, object: "model.download", cancelled: true });
        throw new ApiError(404, `The model ${shown(id)} is not being downloaded, so there is nothing to stop.`, {
          param: "model_id",
          code: "download_not_found",
        });
      })
  );
};
