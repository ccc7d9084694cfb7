// GET /metrics: the counters of each installed model and of refused keys, for Prometheus.
import { Hono } from "hono";
import type { Deps } from "../deps.ts";
import { respond } from "../../http/json.ts";
import type { AppEnv } from "../../http/app-env.ts";
import type { AuthFailures } from "../../http/auth-failures.ts";
import { CONTENT_TYPE } from "../../support/prometheus.ts";

export const metricsRoutes = ({ pool, library }: Deps, auth_failures: AuthFailures) =>
  new Hono<AppEnv>().get("/", async function getMetrics(c) {
    const installed = await library.list();
    const text = pool.metrics(installed.map(({ id }) => id)) + auth_failures.metrics();
    return respond(c, text, { headers: { "content-type": CONTENT_TYPE } });
  });
