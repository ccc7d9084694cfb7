// GET /metrics: the counters of each installed model, and those of the server, for Prometheus.
import { Hono } from "hono";
import type { Deps } from "../deps.ts";
import { respond } from "../../http/json.ts";
import type { AppEnv } from "../../http/app-env.ts";
import { CONTENT_TYPE, createRegistry } from "../../support/prometheus.ts";

/** `texts`: further metrics in Prometheus' text format. */
export const metricsRoutes = ({ pool, library, version }: Deps, texts: readonly (() => string)[]) => {
  const about = createRegistry();
  about.gauge("target_info", "What this server is.", ["service_name", "service_version"], () => [[["ingle", version], 1]]);
  return new Hono<AppEnv>().get("/", async function getMetrics(c) {
    const installed = await library.list();
    const text = [about.text(), pool.metrics(installed.map(({ id }) => id)), ...texts.map((text) => text())].join("");
    return respond(c, text, { headers: { "content-type": CONTENT_TYPE } });
  });
};
