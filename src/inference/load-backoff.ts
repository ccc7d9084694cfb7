// A model that failed rests: who asks for it meanwhile is told why and for how long, instead of a load that fails again.
import { stat } from "node:fs/promises";
import type { AdapterError } from "../../adapters/adapter.ts";
import { ApiError, toApiError } from "../http/errors.ts";

// After the first load that failed, the second in a row, and so on; in ms.
const BACKOFF_MS = [5_000, 15_000, 60_000, 300_000];

// An engine that died may be loaded again at once, but for the third death in this time (ms): it rests until the first is so long ago.
const DEATHS = 3;
const DEATHS_WITHIN = 60_000;

export interface LoadBackoff {
  /**
   * Throws what the model rests for, with `Retry-After`: the error of the load, or 503 `engine_unavailable` after deaths. Does not
   * where the file at `path` has changed since it failed.
   */
  throwIfActive(path: string): Promise<void>;
  /** A load that failed. An error that says itself when another try makes sense is believed. */
  loadFailed(error: AdapterError, path: string): void;
  /** An engine that was loaded and died. */
  engineDied(error: AdapterError, path: string): void;
  /** A load that went well. */
  loadSucceeded(): void;
  /** Somebody asks for another try, whatever happened; the next failure rests longer all the same. */
  skip(): void;
}

/** Of all models, by id. */
export interface LoadBackoffs {
  of(id: string): LoadBackoff;
  /** What happened is past: the next one begins anew. */
  forget(id: string): void;
}

export function createLoadBackoffs(now: () => number): LoadBackoffs {
  const rests = new Map<string, LoadBackoff>();
  return {
    of(id) {
      const rest = rests.get(id) ?? createLoadBackoff(id, now);
      rests.set(id, rest);
      return rest;
    },
    forget: (id) => void rests.delete(id),
  };
}

function createLoadBackoff(id: string, now: () => number): LoadBackoff {
  let until = 0;
  let reason = new ApiError(500, "");
  /** What failed. */
  let file = Promise.resolve("");
  let failures = 0;
  let deaths: number[] = [];

  const begin = (end: number, error: ApiError, path: string): void => {
    until = end;
    reason = error;
    file = fileVersion(path);
  };

  return {
    async throwIfActive(path) {
      if (until <= now() || (await fileVersion(path)) !== (await file)) return;
      throw backoffError(id, reason, Math.ceil((until - now()) / 1000));
    },
    loadFailed(error, path) {
      const told = error.retry_after && error.retry_after * 1000;
      begin(now() + (told ?? BACKOFF_MS[Math.min(failures++, BACKOFF_MS.length - 1)]!), toApiError(error), path);
    },
    engineDied(error, path) {
      deaths = [...deaths, now()].slice(-DEATHS);
      if (deaths.length < DEATHS) return;
      const { message } = error;
      const told = new ApiError(503, `Its engine died ${DEATHS} times: ${message}`, {
        code: "engine_unavailable",
        param: "model",
      });
      begin(deaths[0]! + DEATHS_WITHIN, told, path);
    },
    loadSucceeded() {
      failures = 0;
    },
    skip() {
      until = 0;
    },
  };
}

/** Changes with the file: its size and the time of its last change. Empty where it cannot be looked at. */
async function fileVersion(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  return found === undefined ? "" : `${found.size} ${found.mtimeMs}`;
}

function backoffError(id: string, { status, message, param, code }: ApiError, seconds: number): ApiError {
  const way = `"POST /v1/models/${id}/start" tries at once`;
  return new ApiError(status, `Model "${id}" failed and is not tried again for ${seconds} s; ${way}. ${message}`, {
    param,
    code,
    headers: { "retry-after": String(seconds) },
  });
}
