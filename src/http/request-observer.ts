// One line of the log and one count of the metrics for each request, when its answer is out.
import type { Context } from "hono";
import { responseEndOf } from "./response-ends.ts";
import type { AppEnv, GenerationTrace } from "./app-env.ts";
import { clientAddress } from "./client-address.ts";
import type { HttpMetrics } from "./http-metrics.ts";
import { REQUEST, type RequestLine } from "../support/log/request-line.ts";
import type { Log } from "../support/log/log.ts";
import type { TrustedProxies } from "../support/trusted-proxies.ts";

/** Called when a request begins; what it answers is called with its answer. */
export type RequestObserver = (c: Context<AppEnv>) => (answer: Response) => void;

export interface RequestObserverOptions {
  metrics: HttpMetrics;
  /** Absent: requests are counted alone. */
  log?: Log | undefined;
  /** The server listens beyond loopback. */
  wide: boolean;
  trusted_proxies?: TrustedProxies | undefined;
}

/** The status that nginx has for a client that left before there was an answer: a failure of the client alone. */
const CLIENT_LEFT = 499;

/** Monitors ask for these again and again. */
const ASKED_BY_MONITORS = new Set(["/health", "/metrics"]);

const LONGEST_PATH = 300;

export function createRequestObserver({ metrics, log, wide, trusted_proxies }: RequestObserverOptions): RequestObserver {
  const lines = log?.isLevelEnabled("info") ? log : undefined;
  // Clients of this machine have one address all. On Bun, to ask for it takes longer than all else of a line.
  const logs_addresses = lines !== undefined && (wide || trusted_proxies !== undefined);
  const end = (c: Context<AppEnv>, answer: Response, { began, method, ended, address }: Observation): void => {
    const duration_ms = performance.now() - began;
    const status = statusOf(c, answer);
    metrics.end(c, method, status, duration_ms);
    if (lines === undefined) return;
    const is_quiet = status < 400 && ASKED_BY_MONITORS.has(c.req.path);
    lines[is_quiet ? "debug" : "info"](REQUEST, lineOf(c, { status, duration_ms, ended, address }));
  };
  return function observeRequest(c) {
    const began = performance.now();
    const method = metrics.begin(c);
    return (answer) => {
      // Bun no longer knows the address when the answer is out.
      const address = logs_addresses && c.get("key_number") === undefined ? clientAddress(c, trusted_proxies) : undefined;
      const over = responseEndOf(answer);
      if (over === undefined) end(c, answer, { began, method, ended: undefined, address });
      else void over.then((how) => end(c, answer, { began, method, ended: how === "sent" ? undefined : how, address }));
    };
  };
}

interface Observation extends Pick<RequestLine, "ended" | "address"> {
  /** By `performance.now()`. */
  began: number;
  /** As the metrics number it. */
  method: number;
}

function statusOf(c: Context<AppEnv>, { status }: Response): number {
  return status >= 500 && c.req.raw.signal.aborted ? CLIENT_LEFT : status;
}

type LineFacts = Pick<RequestLine, "status" | "duration_ms" | "ended" | "address">;

/** Fields that are undefined are in no line. */
function lineOf(c: Context<AppEnv>, { status, duration_ms, ended, address }: LineFacts): RequestLine & Record<string, unknown> {
  const generation = c.get("generation");
  // Without a spread, as most lines are of requests without a generation.
  const line = {
    request_id: c.get("request_id"),
    status,
    method: c.req.method,
    path: c.req.path.slice(0, LONGEST_PATH),
    duration_ms: roundMs(duration_ms),
    ended,
    key: c.get("key_number"),
    address,
  };
  return generation === undefined ? line : { ...line, ...fieldsOf(generation) };
}

function fieldsOf({ model, usage, first_token_ms }: GenerationTrace) {
  return {
    model,
    prompt_tokens: usage?.prompt_tokens,
    cached_tokens: usage?.cached_tokens,
    completion_tokens: usage?.completion_tokens,
    first_token_ms: first_token_ms === undefined ? undefined : roundMs(first_token_ms),
  };
}

const roundMs = (ms: number): number => Math.round(ms * 100) / 100;
