// GET /metrics: the counters of each installed model, for Prometheus.
import { Hono } from "hono";
import type { Deps } from "../deps.ts";
import { respond } from "../../http/json.ts";
import type { AppEnv } from "../../http/app-env.ts";
import { CONTENT_TYPE } from "../../support/prometheus.ts";

export const metricsRoutes = ({ pool, library }: Deps) =>
  new Hono<AppEnv>().get("/", async function getMetrics(c) {
    const installed = await library.list();
    return respond(c, pool.metrics(installed.map(({ id }) => id)), { headers: { "content-type": CONTENT_TYPE } });
  });
