// Models with the longest ids that there are, over sockets: downloaded, gone on with after a restart, run, their conversations saved, removed,
// with each kind of store.
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Hub, startHub } from "../support/hub.ts";
import { PLAIN_TEMPLATE } from "../support/models.ts";
import { PROGRAM, run, RUNTIME } from "../support/program.ts";
import { NO_REDIS, type RedisServer, startRedis } from "../support/redis.ts";
import { eventually, startServer, type Server } from "../support/server.ts";
import { tinyGguf } from "../support/tiny-gguf.ts";

const SLOW = 120_000;
const BYTES = tinyGguf({ context_length: 4096, template: PLAIN_TEMPLATE });
// The second one has a key of its own only by its sha256, as its beginning is that of the first.
const IDS = ["x", "y"].map((end) => `org/${"Ä".repeat(250)}/ ?#%aa${end}`);
let hub: Hub;
let redis: RedisServer | undefined;
beforeAll(async () => {
  hub = await startHub({ "/m.gguf": BYTES });
  redis = NO_REDIS === undefined ? await startRedis() : undefined;
}, SLOW);
afterAll(async () => {
  hub.close();
  await redis?.kill();
});

const folderIn = (data: string, name: string): string[] => {
  try {
    return readdirSync(join(data, name), { recursive: true }).map(String);
  } catch {
    return [];
  }
};

describe.each([
  ["fs-durable", undefined],
  ["redis", NO_REDIS],
])("in %s", (store, skip) => {
  test.skipIf(skip !== undefined)(
    `B-64: ids of 512 bytes are as good as others${skip === undefined ? "" : ` (skipped: ${skip})`}`,
    async () => {
      const data = mkdtempSync(join(tmpdir(), "ingle-ids-"));
      const flags = [
        "--allow-private",
        "--slots",
        "1",
        "--kv-cache",
        "1GB",
        ...(store === "redis" ? ["--store", redis!.url] : []),
      ];
      let server: Server = await startServer(RUNTIME, flags, { data });
      const ask = (path: string, method = "GET", body?: object) =>
        fetch(`${server.url}/v1/models${path}`, {
          method,
          ...(body && { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
        });
      const at = (id: string): string => encodeURIComponent(id);
      /** Slashes as they are. */
      const raw = (id: string): string => id.split("/").map(encodeURIComponent).join("/");
      const [first, second] = IDS as [string, string];
      const state = async (id: string): Promise<unknown> =>
        ((await (await ask(`/${at(id)}`)).json()) as { state?: string }).state;
      const asked = () => hub.requests.filter(({ headers }) => headers.range !== undefined).length;
      try {
        expect(IDS.map((id) => Buffer.byteLength(id))).toEqual([512, 512]);
        hub.set("/m.gguf", { kind: "stall", at: 100_000 });
        for (const id of IDS) {
          const added = await ask("", "POST", { source_url: `${hub.url}/m.gguf`, id, size: BYTES.length });
          expect(await added.json()).toMatchObject({ id, state: "available" });
        }
        expect((await ask(`/download/${at(first)}`, "POST")).status).toBe(200);
        const parts = () => folderIn(data, "weights").filter((path) => path.endsWith(".part"));
        await eventually("its first bytes are here", () =>
          parts().some((path) => statSync(join(data, "weights", path)).size > 0),
        );
        await server.stop();
        const before = asked();
        hub.set("/m.gguf");
        server = await startServer(RUNTIME, flags, { data });
        await eventually("it is gone on with", async () => (await state(first)) === "stopped");
        expect(asked()).toBeGreaterThan(before);
        expect(await (await ask(`/download/${raw(second)}`, "POST")).json()).toMatchObject({ downloaded: false });
        await eventually("the other one is there", async () => (await state(second)) === "stopped");

        for (const id of IDS)
          for (const path of [at(id), raw(id)]) expect(await (await ask(`/${path}`)).json()).toMatchObject({ id });
        for (const word of ["hello", "world"]) {
          const answer = await server.chat({
            model: first,
            messages: [{ role: "user", content: `${word} `.repeat(300) }],
            max_tokens: 2,
          });
          expect(await answer.json()).toMatchObject({ model: first, usage: { completion_tokens: 2 } });
        }
        await eventually("a conversation is saved", () => folderIn(data, "kv-cache").some((path) => path.endsWith(".kv")));
        expect((await ask(`/${raw(first)}`, "DELETE")).status).toBe(200);
        expect((await ask(`/${at(first)}`)).status).toBe(404);
        expect(folderIn(data, "kv-cache")).toEqual([]);
        expect(await state(second)).toBe("stopped");
        expect((await ask(`/${at(second)}`, "DELETE")).status).toBe(200);
        expect(folderIn(data, "weights")).toEqual([]);
      } finally {
        await server.stop();
      }
      if (store === "fs-durable") expect((await run([...PROGRAM, "check", "--data", data])).stdout).toContain("nothing is wrong");
      rmSync(data, { recursive: true });
    },
    SLOW,
  );
});
