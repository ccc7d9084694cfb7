// The pause after failed loads: requests meanwhile get its reason and its length, instead of a load that fails again.
import { stat } from "node:fs/promises";
import type { AdapterError } from "../../adapters/adapter.ts";
import { ApiError, toApiError } from "../http/errors.ts";

// After the first load that failed, the second in a row, and so on; in ms.
const BACKOFF_MS = [5_000, 15_000, 60_000, 300_000];

// An engine that died is loaded again at once, but for the third death in this time (ms): the pause lasts until the first is so long ago.
const DEATHS = 3;
const DEATHS_WITHIN_MS = 60_000;

type LoadBackoff = ReturnType<typeof createLoadBackoff>;
export type LoadBackoffs = ReturnType<typeof createLoadBackoffs>;

export function createLoadBackoffs(now: () => number) {
  const backoffs = new Map<string, LoadBackoff>();
  return {
    of(id: string): LoadBackoff {
      const backoff = backoffs.get(id) ?? createLoadBackoff(id, now);
      backoffs.set(id, backoff);
      return backoff;
    },
    /** The next failure of the model is a first one. */
    forget: (id: string): void => void backoffs.delete(id),
  };
}

/** The back-off of one model. */
function createLoadBackoff(id: string, now: () => number) {
  let until = 0;
  let reason = new ApiError(500, "");
  let failedVersion = Promise.resolve("");
  let failures = 0;
  let deaths: number[] = [];

  const pause = (end: number, error: ApiError, path: string): void => {
    until = end;
    reason = error;
    failedVersion = fileVersion(path);
  };

  return {
    /**
     * Throws the error of the load, or 503 `engine_unavailable` after deaths, with `Retry-After`. Does not where the file at `path` has
     * changed since it failed.
     */
    async throwIfActive(path: string): Promise<void> {
      if (until <= now() || (await fileVersion(path)) !== (await failedVersion)) return;
      throw backoffError(id, reason, Math.ceil((until - now()) / 1000));
    },
    /** The `retry_after` of the error, where it has one, is the length of the pause. */
    loadFailed(error: AdapterError, path: string): void {
      const own = error.retry_after && error.retry_after * 1000;
      pause(now() + (own ?? BACKOFF_MS[Math.min(failures++, BACKOFF_MS.length - 1)]!), toApiError(error), path);
    },
    engineDied({ message, public_message = message }: AdapterError, path: string): void {
      deaths = [...deaths, now()].slice(-DEATHS);
      if (deaths.length < DEATHS) return;
      const reasonOf = (last: string): string => `Its engine died ${DEATHS} times: ${last}`;
      const options = { code: "engine_unavailable", param: "model", owner_message: reasonOf(message) };
      const error = new ApiError(503, reasonOf(public_message), options);
      pause(deaths[0]! + DEATHS_WITHIN_MS, error, path);
    },
    loadSucceeded(): void {
      failures = 0;
    },
    /** Allows another load at once; the next failure makes a longer pause all the same. */
    skip(): void {
      until = 0;
    },
  };
}

/** Changes with the file: its size and the time of its last change. Empty where the file cannot be read. */
async function fileVersion(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  return found === undefined ? "" : `${found.size} ${found.mtimeMs}`;
}

function backoffError(id: string, error: ApiError, seconds: number): ApiError {
  const { status, message, owner_message = message, param, code, lasting } = error;
  const state = `Model "${id}" failed and is not tried again for ${seconds} s; "POST /v1/models/${id}/start" tries at once.`;
  const headers = { "retry-after": String(seconds) };
  return new ApiError(status, `${state} ${message}`, {
    param,
    code,
    lasting,
    headers,
    owner_message: `${state} ${owner_message}`,
  });
}
