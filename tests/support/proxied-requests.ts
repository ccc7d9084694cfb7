// What downloads and requests to other servers come to behind a proxy, on whatever runtime it is started with. Reads a list of
// `ProxiedJob` from standard input and prints what came of each: "done", a number, or the code and sentences of the error.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { text } from "node:stream/consumers";
import { sendRequest } from "../../adapters/upstream/http-request.ts";
import { download } from "../../models/download/download.ts";
import { readProxies } from "../../models/network/proxies.ts";
import { listFiles } from "../../models/sources/hub-listing.ts";
import type { DownloadOptions } from "../../models/sources/source.ts";
import { sourceOptions } from "../../src/server/read-config.ts";

export interface ProxiedJob {
  /** The variables of the proxy. */
  env: Record<string, string>;
  options?: DownloadOptions;
  /** One of these. */
  file?: { url: string; size: number; sha256: string };
  /** The listing of owner/repo. */
  list?: true;
  upstream?: { url: string; body?: string; key?: string };
}

const folder = mkdtempSync(join(tmpdir(), "ingle-proxied-"));
const { signal } = new AbortController();
const timeouts = { connect_ms: 1_000, first_ms: 5_000, amid_ms: 5_000 };
let count = 0;

async function run({ env, options, file, list, upstream }: ProxiedJob): Promise<unknown> {
  const all = { ...sourceOptions({}, env), wait: async () => {}, ...options };
  if (list) {
    const reference = { repo: "owner/repo", revision: "main" };
    return (await listFiles(reference as Parameters<typeof listFiles>[0], all, signal)).length;
  }
  if (upstream) {
    const { status, body } = await sendRequest({ ...upstream, timeouts, proxies: readProxies(env), signal });
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) {
      chunks.push(chunk);
      // A reader that is slower than the sender: what came waits in the connection.
      await setTimeout(2);
    }
    const answer = Buffer.concat(chunks);
    return `${status} ${answer.length > 1_000 ? `${answer.length} bytes` : answer.toString()}`;
  }
  const { url, ...expected } = file!;
  const sources = [{ type: "url" as const, url }];
  const target = join(folder, `${count++}.gguf`);
  for await (const _ of download({ name: "a.gguf", ...expected, sources }, target, all, signal));
  return "done";
}

const results: unknown[] = [];
for (const job of JSON.parse(await text(process.stdin)) as ProxiedJob[]) {
  results.push(
    await run(job).catch((error: Error & { code?: string; public_message?: string; retry_ms?: number; retry_after?: number }) => {
      const { code, message, public_message, retry_ms, retry_after } = error;
      return { code, message, public_message, retry_ms, retry_after };
    }),
  );
}
rmSync(folder, { recursive: true });
console.log(JSON.stringify(results));
process.exit();
