import type { ListenerEnv } from "../../http/app-env.ts";
import { connectionsThatFit, openDescriptors } from "./descriptors.ts";
import { readKernelQueues } from "./kernel-queues.ts";
import { emptyError, TUNNEL_REFUSAL, type Listen } from "./listener.ts";

const WATCH_MS = 1_000;

export const listen: Listen = async (fetch, { host, port, max_connections, stall_ms }) => {
  /** Requests whose answers are still being made. */
  const running = new Set<Request>();
  /** Requests whose large answers go out, and what the kernel held of them at the last look. */
  const sending = new Map<Request, string | undefined>();
  const env: ListenerEnv = {
    addressOf: (request) => server.requestIP(request)?.address,
    onLargeAnswer: (request) => void sending.set(request, undefined),
  };
  const idle_s = Math.ceil(stall_ms / 1000);
  const server = Bun.serve({
    hostname: host,
    port,
    // Without it, a second server shares the port on Linux, and each gets some of the requests.
    reusePort: false,
    development: false,
    // In seconds, and counted anew with all that comes or goes. Bun itself closes within some 12 s what has not sent a whole header.
    idleTimeout: idle_s,
    // Bun's own limit answers without a body; the guards have a lower one.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    fetch(request) {
      const { method } = request;
      if (method === "CONNECT") return new Response(null, TUNNEL_REFUSAL);
      const answer = method === "HEAD" ? Promise.resolve(fetch(request, env)).then(withoutLength) : fetch(request, env);
      if (!(answer instanceof Promise)) return answer;
      running.add(request);
      const end = () => running.delete(request);
      answer.then(end, end);
      return answer;
    },
    // In the place of a `catch` around `fetch`, which would cost another promise a request.
    error: emptyError,
  });

  // An answer in the making may be silent for long. Bun's own way of lifting the time, by 0, would hold for the connection ever after.
  const renew = (): void => {
    for (const request of running) server.timeout(request, idle_s);
    if (sending.size === 0) return;
    const queues = readKernelQueues(server.port!);
    for (const [request, before] of sending) {
      const client = server.requestIP(request);
      if (client === null) {
        sending.delete(request);
        continue;
      }
      const held = queues.get(client.port);
      if (before !== undefined && held !== before) server.timeout(request, idle_s);
      sending.set(request, held);
    }
  };
  const most = connectionsThatFit(max_connections);
  const closeIdle = (): void => {
    if (openDescriptors() >= most) server.closeIdleConnections();
  };
  const timers = [setInterval(renew, stall_ms / 4), setInterval(closeIdle, WATCH_MS)];
  for (const timer of timers) timer.unref();
  const drain = () => server.stop().finally(() => timers.forEach(clearInterval));
  return { port: server.port!, drain, cut: () => void server.stop(true) };
};

/** Bun would add a length of 0 to an answer to HEAD that says none, as if the body of the GET were empty. */
function withoutLength(answer: Response): Response {
  if (!answer.headers.has("content-length")) answer.headers.set("transfer-encoding", "chunked");
  return answer;
}
