// What `ingle pull` leaves behind where it fails.
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "bun:test";
import { PROGRAM, run, RUNTIME } from "../support/program.ts";
import { startServer } from "../support/server.ts";
import { tinyGguf } from "../support/tiny-gguf.ts";

const SLOW = 120_000;
const folder = mkdtempSync(join(tmpdir(), "ingle-pull-"));
const BYTES = tinyGguf();
const sha256 = createHash("sha256").update(BYTES).digest("hex");
const hub = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch({ url }) {
    if (url.endsWith("/tiny.gguf")) return new Response(BYTES);
    if (url.endsWith("/page.gguf")) return new Response("<html>no model</html>");
    return new Response("{}", { status: url.includes("closed") ? 401 : 404 });
  },
});
afterAll(async () => {
  await hub.stop(true);
  rmSync(folder, { recursive: true, force: true });
});

let count = 0;
function makeFolder() {
  const data = join(folder, String(count++));
  const env = { INGLE_DATA: data, HF_ENDPOINT: hub.url.origin, INGLE_DOWNLOAD_HOSTS: "127.0.0.1" };
  const ingle = (...words: string[]) => run([...PROGRAM, ...words], { env });
  const ids = async (): Promise<string[]> => {
    const { stdout } = await ingle("list", "--catalog", "--json");
    return JSON.parse(stdout).map(({ id }: { id: string }) => id);
  };
  return { data, env, ingle, ids };
}

describe("a pull that fails", () => {
  const FAILS: [name: string, words: string[], why: string][] = [
    ["a repository that is not there", ["hf:foo/bar"], "There is no repository foo/bar"],
    ["one that is closed", ["hf:foo/closed:Q8_0"], "The hub answered 401"],
    ["an address that is not there", [`${hub.url}nope.gguf`, "--id", "my/own"], "404"],
    ["a page instead of a model", [`${hub.url}page.gguf`], "a web page instead of a model"],
    ["a file with another sha256", [`${hub.url}tiny.gguf`, "--sha256", "0".repeat(64)], "sha256"],
    ["a download that is not permitted", ["hf:foo/bar", "--offline"], "--offline"],
  ];
  test.each(FAILS)(
    "leaves nothing in the list: %s",
    async (_, words, why) => {
      const { data, ingle, ids } = makeFolder();
      const before = await ids();
      const { code, stderr } = await ingle("pull", ...words);
      expect([code, stderr]).toEqual([1, expect.stringContaining(why)]);
      expect(await ids()).toEqual(before);
      expect(existsSync(join(data, "downloads")) ? readdirSync(join(data, "downloads")) : []).toEqual([]);
    },
    SLOW,
  );

  test(
    "leaves nothing in the list of a server, and there what was known before",
    async () => {
      const { data, env, ingle, ids } = makeFolder();
      const server = await startServer(RUNTIME, [], { data, env });
      try {
        const before = await ids();
        expect((await ingle("pull", "hf:foo/bar")).stderr).toContain("There is no repository foo/bar");
        expect(await ids()).toEqual(before);
        const body = JSON.stringify({ repo: "hf:foo/known" });
        const headers = { "content-type": "application/json" };
        expect((await fetch(`${server.url}/v1/models`, { method: "POST", headers, body })).status).toBe(200);
        expect((await ingle("pull", "hf:foo/known")).stderr).toContain("There is no repository foo/known");
        expect(await ids()).toContain("foo/known");
      } finally {
        await server.stop("SIGKILL");
      }
    },
    SLOW,
  );

  test(
    "once it has a model, that stays, whatever the next pull of it says",
    async () => {
      const { ingle, ids } = makeFolder();
      expect(await ingle("pull", `${hub.url}tiny.gguf`, "--sha256", sha256)).toMatchObject({ code: 0 });
      expect((await ingle("pull", `${hub.url}tiny.gguf`, "--sha256", "0".repeat(64))).code).toBe(1);
      expect(await ids()).toContain("tiny");
    },
    SLOW,
  );
});
