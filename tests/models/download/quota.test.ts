// A used-up quota under a download is a full disk, on every runtime, in the server's thread and in the one of a large file.
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { NO_STRACE } from "../../faults/strace.ts";
import { run } from "../../support/program.ts";
import { runtimes } from "../../support/runtimes.ts";
import { tinyGguf } from "../../support/tiny-gguf.ts";

const SLOW = 60_000;
const SCRIPT = join(import.meta.dirname, "../../support/download-once.ts");
const WRITES = "write,pwrite64,writev,pwritev";
const small = tinyGguf();
/** Large enough for a thread of its own. */
const large = Buffer.concat([small, Buffer.alloc((17 << 20) - small.length)]);

const root = mkdtempSync(join(tmpdir(), "ingle-quota-"));
const hub = createServer((request, response) => {
  const bytes = request.url === "/large.gguf" ? large : small;
  response.writeHead(200, { "content-length": bytes.length, etag: '"1"' }).end(bytes);
});
beforeAll(() => new Promise<void>((resolve) => hub.listen(0, "127.0.0.1", resolve)));
afterAll(() => {
  hub.close();
  rmSync(root, { recursive: true, force: true });
});

for (const { name, command, skip } of runtimes()) {
  const reason = skip ?? NO_STRACE;
  test.skipIf(reason !== undefined).each([
    ["small", small.length],
    ["large", large.length],
  ])(
    `on ${name}: a %s file${reason === undefined ? "" : ` (skipped: ${reason})`}`,
    async (kind, size) => {
      const target = join(mkdtempSync(join(root, "target-")), "a.gguf");
      const words = ["-P", `${target}.part`, "-e", `trace=${WRITES}`, "-e", `inject=${WRITES}:error=EDQUOT`];
      const url = `http://127.0.0.1:${(hub.address() as AddressInfo).port}/${kind}.gguf`;
      const { stdout } = await run([
        ...["strace", "-f", "-qq", "-o", "/dev/null", ...words, ...command],
        ...[SCRIPT, url, String(size), target],
      ]);
      expect(stdout).toBe('{"name":"DownloadError","code":"insufficient_storage"}\n');
    },
    SLOW,
  );
}
