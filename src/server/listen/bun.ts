import type { ListenerEnv } from "../../http/app-env.ts";
import { emptyError, type Listen } from "./listener.ts";

export const listen: Listen = async (fetch, { host, port }) => {
  const env: ListenerEnv = { addressOf: (request) => server.requestIP(request)?.address };
  const server = Bun.serve({
    hostname: host,
    port,
    // Without it, a second server shares the port on Linux, and each gets some of the requests.
    reusePort: false,
    development: false,
    // In seconds, for connections that never finish a request. `timeout` below lifts it for a running one: an answer may be silent.
    idleTimeout: 60,
    // Bun's own limit answers without a body; the guards have a lower one.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    fetch(request, server) {
      // A GET is answered at once, or by a stream that says something every few seconds; this call costs a tenth of `bench:store`,
      // row `GET thread`.
      if (request.method !== "GET") server.timeout(request, 0);
      return fetch(request, env);
    },
    // In the place of a `catch` around `fetch`, which would cost another promise a request.
    error: emptyError,
  });
  return { port: server.port!, drain: () => server.stop(), cut: () => void server.stop(true) };
};
