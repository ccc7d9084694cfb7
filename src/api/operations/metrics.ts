// GET /metrics: the counters of each installed model, for Prometheus.
import { Hono } from "hono";
import type { Deps } from "../deps.ts";
import type { AppEnv } from "../../http/app-env.ts";
import { CONTENT_TYPE } from "../../support/prometheus.ts";

export const metricsRoutes = ({ pool, library }: Deps) =>
  new Hono<AppEnv>().get("/", async function getMetrics(c) {
    const installed = await library.list();
    return c.body(pool.metrics(installed.map(({ id }) => id)), 200, { "content-type": CONTENT_TYPE });
  });
