// GET /metrics: what was counted of each installed model, for Prometheus.
import { Hono } from "hono";
import type { Deps } from "../deps.ts";
import { CONTENT_TYPE } from "../../support/prometheus.ts";

export const metrics = ({ pool: engines, library }: Deps) =>
  new Hono().get("/", async (c) => {
    const installed = await library.list();
    return c.body(engines.metrics(installed.map(({ id }) => id)), 200, { "content-type": CONTENT_TYPE });
  });
