// Time limits of connections that send nothing, and the errors of those and of broken ones.
import { SourceError } from "../download-errors.ts";
import { labelOnRoute, type Proxies } from "../network/proxies.ts";
import { publicReasonOf } from "./failure-words.ts";

/** The work's result, or what `error` makes thrown after so many milliseconds; the work itself goes on. */
export async function withTimeout<T>(ms: number, work: Promise<T>, error: () => SourceError): Promise<T> {
  let late: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<never>((_, reject) => (late = setTimeout(() => reject(error()), ms)));
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(late);
  }
}

/** The proxy on the way may be what is silent. */
export function silenceError(url: URL, ms: number, retry_ms?: number, proxies?: Proxies): SourceError {
  const silence = `sent nothing for ${ms / 1000} seconds.`;
  const through = labelOnRoute(url, proxies);
  const named = through === undefined ? silence : `${silence.slice(0, -1)}, through the proxy ${through}.`;
  return new SourceError(`${url.host} ${named}`, { public_message: `It ${silence}`, retry_ms });
}

/** For `catch`: throws a `SourceError` that permits another try. */
export function throwBroken(error: Error): never {
  const public_message = `The connection broke (${publicReasonOf(error)}).`;
  throw new SourceError(`The connection broke (${error.message}).`, { public_message, retry_ms: 0, cause: error });
}
