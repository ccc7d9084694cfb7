// The header of a file that is not here: what a model is, and whether it fits, before its gigabytes are fetched.
import { GgufError, type GgufHeader, readGguf } from "../gguf/header.ts";
import type { Model } from "../manifest.ts";
import { driverOf } from "../sources/registry.ts";
import { type DownloadOptions, LISTING_MS } from "../sources/source.ts";
import { SourceError } from "../download-errors.ts";
import { withTimeout } from "./idle-timeout.ts";
import type { DialResponse } from "./dial.ts";

/**
 * Reads the header of a model's weights from the first of its sources that can be read from the start: a few megabytes, then the
 * connection is closed. `within_ms`: of all sources together, for a person who waits. Throws `SourceError` with the reason of each source,
 * and the signal's reason.
 */
export async function fetchRemoteHeader(
  model: Model,
  options: DownloadOptions,
  signal: AbortSignal,
  within_ms = LISTING_MS,
): Promise<GgufHeader> {
  const stop = new AbortController();
  const lateError = () => new SourceError("The header of its file did not come in time. Ask again later.");
  try {
    return await withTimeout(within_ms, readFirst(model, options, AbortSignal.any([signal, stop.signal])), lateError);
  } finally {
    stop.abort();
  }
}

async function readFirst({ files }: Model, options: DownloadOptions, signal: AbortSignal): Promise<GgufHeader> {
  const problems: string[] = [];
  const public_problems: string[] = [];
  const [weights] = files;
  for (const source of weights?.sources ?? []) {
    const driver = driverOf(source, options.drivers);
    if (driver.open === undefined) continue;
    try {
      return await readHeader(await driver.open(source, options, signal), weights!.size, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof SourceError || error instanceof GgufError)) throw error;
      const { message, public_message = message } = error as SourceError;
      problems.push(`${driver.describe(source)}: ${message}`);
      public_problems.push(`${driver.describe(source)}: ${public_message}`);
    }
  }
  if (problems.length === 0) throw new SourceError("Nothing on the web has the file.");
  throw new SourceError(problems.join(" "), { public_message: public_problems.join(" ") });
}

async function readHeader(
  { headers, read, close }: DialResponse,
  size: number | undefined,
  signal: AbortSignal,
): Promise<GgufHeader> {
  try {
    const length = Number(headers.get("content-length")) || undefined;
    const next = () => (signal.throwIfAborted(), read());
    return await readGguf(readForward(next), size ?? length);
  } finally {
    close();
  }
}

/** A header is read from its start to its end, so one response serves all of it, also of a server that knows no ranges. */
function readForward(next: () => Promise<Uint8Array | undefined>): (at: number, length: number) => Promise<Uint8Array> {
  let start = 0;
  let held = Buffer.alloc(0);
  return async (at, length) => {
    while (start + held.length < at + length) {
      const chunk = await next();
      if (chunk === undefined) break;
      // Bytes before `at` are not read again.
      const passed = Math.min(Math.max(at - start, 0), held.length);
      held = Buffer.concat([held.subarray(passed), chunk]);
      start += passed;
    }
    const from = Math.max(at - start, 0);
    return held.subarray(from, from + length);
  };
}
