// GET /metrics: the counters of each installed model, and those of the server, for Prometheus.
import type { Deps } from "../deps.ts";
import type { Handlers } from "../lazy-handlers.ts";
import { respond } from "../../http/json.ts";
import { CONTENT_TYPE, createRegistry } from "../../support/prometheus.ts";

/** `texts`: the metrics of what is in front of the handlers, in Prometheus' text format. */
export const metricsHandlers = ({ pool, library, store, downloads, version }: Deps, texts: readonly (() => string)[]) => {
  const about = createRegistry();
  about.gauge("target_info", "What this server is.", ["service_name", "service_version"], () => [[["ingle", version], 1]]);
  return {
    async getMetrics(c) {
      const installed = await library.list();
      const models = pool.metrics(installed.map(({ id }) => id));
      const text = [about.text(), models, store.metrics(), downloads.metrics(), ...texts.map((text) => text())].join("");
      return respond(c, text, { headers: { "content-type": CONTENT_TYPE } });
    },
  } satisfies Handlers;
};
