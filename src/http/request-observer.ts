// One line of the log and one count of the metrics for each request, when its answer is out.
import type { Context } from "hono";
import { responseEndOf, type ResponseEnd } from "./response-ends.ts";
import type { AppEnv } from "./app-env.ts";
import { clientAddress } from "./client-address.ts";
import type { HttpMetrics } from "./http-metrics.ts";
import { REQUEST, type RequestLine } from "../support/log/request-line.ts";
import type { Log } from "../support/log/log.ts";
import type { TrustedProxies } from "../support/trusted-proxies.ts";

/** Called when a request begins; what it answers is called when its answer is made. */
export type RequestObserver = (c: Context<AppEnv>) => () => void;

export interface RequestObserverOptions {
  metrics: HttpMetrics;
  /** Absent: requests are counted alone. */
  log?: Log | undefined;
  trusted_proxies?: TrustedProxies | undefined;
}

/** The status that nginx has for a client that left before there was an answer: a failure of the client alone. */
const CLIENT_LEFT = 499;

/** Monitors ask for these again and again. */
const ASKED_BY_MONITORS = new Set(["/health", "/metrics"]);

const LONGEST_PATH = 300;

export function createRequestObserver({ metrics, log, trusted_proxies }: RequestObserverOptions): RequestObserver {
  return function observeRequest(c) {
    const began = performance.now();
    metrics.begin(c);
    const end = (how: ResponseEnd, client: Client): void => {
      const duration_ms = performance.now() - began;
      const status = statusOf(c);
      metrics.end(c, status, duration_ms);
      if (log === undefined) return;
      const is_quiet = status < 400 && ASKED_BY_MONITORS.has(c.req.path);
      log[is_quiet ? "debug" : "info"](REQUEST, lineOf(c, { status, how, duration_ms, client }));
    };
    return () => {
      // Bun no longer knows the address when the answer is out. Asking for it costs more than the rest of a line.
      const client = log === undefined ? {} : clientOf(c, trusted_proxies);
      const over = responseEndOf(c.res);
      if (over === undefined) end("sent", client);
      else void over.then((how) => end(how, client));
    };
  };
}

type Client = Pick<RequestLine, "key" | "address">;

function clientOf(c: Context<AppEnv>, trusted_proxies: TrustedProxies | undefined): Client {
  const key = c.get("key_number");
  return key === undefined ? { address: clientAddress(c, trusted_proxies) } : { key };
}

function statusOf(c: Context<AppEnv>): number {
  const { status } = c.res;
  return status >= 500 && c.req.raw.signal.aborted ? CLIENT_LEFT : status;
}

interface Facts {
  status: number;
  how: ResponseEnd;
  duration_ms: number;
  client: Client;
}

/** Fields that are undefined are in no line. */
function lineOf(c: Context<AppEnv>, { status, how, duration_ms, client }: Facts): RequestLine & Record<string, unknown> {
  const generation = c.get("generation");
  return {
    request_id: c.get("request_id"),
    status,
    method: c.req.method,
    path: c.req.path.slice(0, LONGEST_PATH),
    ...(generation && {
      model: generation.model,
      prompt_tokens: generation.usage?.prompt_tokens,
      cached_tokens: generation.usage?.cached_tokens,
      completion_tokens: generation.usage?.completion_tokens,
      first_token_ms: generation.first_token_ms === undefined ? undefined : roundMs(generation.first_token_ms),
    }),
    duration_ms: roundMs(duration_ms),
    ...(how !== "sent" && { ended: how }),
    ...client,
  };
}

const roundMs = (ms: number): number => Math.round(ms * 100) / 100;
