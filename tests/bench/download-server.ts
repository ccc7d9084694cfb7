// A server that answers /health as ingle does, and downloads beside it when told: a line `{"file": …, "target": …, "options": …}` on
// standard input is one download, the answering line is `{"ms": …}` or `{"error": …, "code": …}`. The first line of output is its address.
import { createInterface } from "node:readline";
import { Hono } from "hono";
import { download } from "../../models/download/download.ts";
import type { ModelFile } from "../../models/manifest.ts";
import type { DownloadOptions } from "../../models/sources/source.ts";
import { serve } from "../../src/server/listen.ts";

interface Asked {
  file: ModelFile;
  target: string;
  options: DownloadOptions;
}

async function run({ file, target, options }: Asked): Promise<object> {
  const started = performance.now();
  let steps = 0;
  try {
    for await (const _ of download(file, target, options, new AbortController().signal)) steps++;
    return { ms: performance.now() - started, steps };
  } catch (error) {
    const { name, message, code } = error as Error & { code?: string };
    return { error: `${name}: ${message}`, code };
  }
}

const app = new Hono().get("/health", (c) => c.json({ status: "ok" }));
const { url } = await serve(app.fetch, { host: "127.0.0.1", port: 0 });
console.log(url);
for await (const line of createInterface({ input: process.stdin })) console.log(JSON.stringify(await run(JSON.parse(line))));
process.exit(0);
