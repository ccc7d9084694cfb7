// The header of a file that is not here: what a model is, and whether it fits, before its gigabytes are fetched.
import { GgufError, type GgufHeader, readGguf } from "../gguf/header.ts";
import type { Model, ModelFile } from "../manifest.ts";
import { address, requestUrl, describe, type DownloadOptions, refusal, SourceError } from "../sources/web-request.ts";

/**
 * Reads the header of a model's weights from the first of its sources on the web that gives it: a few megabytes, then the
 * connection is closed. Throws `SourceError` with the reason of each source, and the signal's reason.
 */
export async function remoteHeader({ files }: Model, options: DownloadOptions, signal: AbortSignal): Promise<GgufHeader> {
  const problems: string[] = [];
  const [weights] = files;
  for (const source of weights?.sources ?? []) {
    if (source.type === "pip") continue;
    try {
      return await headerAt(address(source, options), weights!, options, signal, (answer) => refusal(answer, source, options));
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof SourceError || error instanceof GgufError)) throw error;
      problems.push(`${describe(source)}: ${error.message}`);
    }
  }
  throw new SourceError(problems.join(" ") || "Nothing on the web has the file.");
}

async function headerAt(
  url: URL,
  { size }: ModelFile,
  options: DownloadOptions,
  signal: AbortSignal,
  refused: (answer: Awaited<ReturnType<typeof requestUrl>>) => SourceError | undefined,
): Promise<GgufHeader> {
  const answer = await requestUrl(url, { "accept-encoding": "identity" }, options, signal);
  try {
    const refusal = refused(answer);
    if (refusal) throw refusal;
    const length = Number(answer.headers.get("content-length")) || undefined;
    return await readGguf(forward(answer.read), size ?? length);
  } finally {
    answer.close();
  }
}

/** A header is read from its start to its end, so one answer serves all of it, also of a server that knows no ranges. */
function forward(next: () => Promise<Uint8Array | undefined>): (at: number, length: number) => Promise<Uint8Array> {
  let start = 0;
  let held = new Uint8Array(0);
  return async (at, length) => {
    while (start + held.length < at + length) {
      const chunk = await next();
      if (chunk === undefined) break;
      // What lies before `at` is not asked for again.
      const passed = Math.min(Math.max(at - start, 0), held.length);
      const joined = new Uint8Array(held.length - passed + chunk.length);
      joined.set(held.subarray(passed));
      joined.set(chunk, held.length - passed);
      start += passed;
      held = joined;
    }
    return held.slice(Math.max(at - start, 0), Math.max(at - start, 0) + length);
  };
}
