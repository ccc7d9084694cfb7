// What /v1/models/download/{id} answers: it starts the one download job of a model, streams its events, and cancels it.
import type { Context } from "hono";
import type { Deps } from "../deps.ts";
import type { Handlers } from "../lazy-handlers.ts";
import { json } from "../../http/json.ts";
import type { AppEnv } from "../../http/app-env.ts";
import { messageFor } from "../../http/errors.ts";
import { noDownload } from "../../http/not-found.ts";
import { answerOtherMethod } from "../../http/other-methods.ts";
import { isOperator } from "../../http/middleware/auth.ts";
import { checkActingGet } from "../../http/middleware/origin.ts";
import { sse } from "../../http/sse.ts";
import { parseBody } from "../../http/validate.ts";
import type { DownloadEvent } from "../../library/download-event.ts";
import { OF_A_MODEL } from "../models/start-stop.ts";
import { modelIdFromPath } from "../models/model-id.ts";
import { object } from "../objects.ts";

export const EmptyRequest = object({});

const EVENTS = "/events";

export const downloadHandlers = (deps: Deps) => {
  const keyed = deps.guards.keys.length > 0;

  const startDownload = async (c: Context<AppEnv>) => {
    const id = modelIdFromPath(c);
    const downloaded = (await deps.downloads.start(id)) === "there";
    // The published API has the message alone, which is for people.
    return json(c, { message: downloaded ? `Model ${id} is already downloaded` : `Starting download ${id}`, downloaded });
  };

  const streamEvents = (c: Context<AppEnv>) => {
    if (c.req.method === "HEAD") return c.body(null);
    const stop = new AbortController(); // sse() aborts it when the client leaves; the job goes on
    const signal = AbortSignal.any([c.req.raw.signal, stop.signal]);
    const for_owner = isOperator(c, deps.guards.operator_key);
    const events = eventsFor(for_owner, deps.downloads.events(modelIdFromPath(c, EVENTS), signal));
    return sse(events, stop, { onError: (error) => deps.onError(error, c), for_owner });
  };

  return {
    /** A path without an id names the model "download": the other routes take it too, and leave it to those of models. */
    async refuseWithoutId(c, next) {
      if (!OF_A_MODEL.includes(c.req.method)) return answerOtherMethod(c, OF_A_MODEL);
      return next();
    },
    async getDownload(c, next) {
      // The model `x/events` is `x%2Fevents` here.
      if (modelIdFromPath(c) === "") return next();
      if (c.req.path.endsWith(EVENTS) && modelIdFromPath(c, EVENTS) !== "") return streamEvents(c);
      checkActingGet(c, keyed);
      if (c.req.method !== "HEAD") return startDownload(c);
      await deps.library.planDownload(modelIdFromPath(c));
      return c.body(null);
    },
    async postDownload(c) {
      await parseBody(c, EmptyRequest, { optional: true });
      return startDownload(c);
    },
    async cancelDownload(c, next) {
      const id = modelIdFromPath(c);
      if (id === "") return next();
      if (await deps.downloads.cancel(id)) return json(c, { id, object: "model.download", cancelled: true });
      throw noDownload(id);
    },
  } satisfies Handlers;
};

/** The events as clients get them, and with what only the owner is told. */
async function* eventsFor(for_owner: boolean, events: AsyncIterable<DownloadEvent>): AsyncGenerator<DownloadEvent> {
  for await (const { owner_problem, error, ...event } of events) {
    yield {
      ...event,
      ...(for_owner && owner_problem !== undefined && { problem: owner_problem }),
      ...(error && { error: { message: messageFor(error, for_owner), code: error.code } }),
    };
  }
}
