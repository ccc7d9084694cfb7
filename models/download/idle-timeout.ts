// Time limits of connections that send nothing, and the errors of those and of broken ones.
import { SourceError } from "../download-errors.ts";
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

export function silenceError(url: URL, ms: number, retry_ms?: number): SourceError {
  const silence = `sent nothing for ${ms / 1000} seconds.`;
  return new SourceError(`${url.host} ${silence}`, { public_message: `It ${silence}`, retry_ms });
}

/** For `catch`: throws a `SourceError` that permits another try. */
export function throwBroken(error: Error): never {
  const public_message = `The connection broke (${publicReasonOf(error)}).`;
  throw new SourceError(`The connection broke (${error.message}).`, { public_message, retry_ms: 0, cause: error });
}
