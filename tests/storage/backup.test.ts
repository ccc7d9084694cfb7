// A copy of the data folder, made by the commands of docs/installation.md while the server writes, and what is brought back from it.
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run, RUNTIME } from "../support/program.ts";
import { MAIN, startServer, type Server } from "../support/server.ts";

const root = await mkdtemp(join(tmpdir(), "ingle-backup-"));
afterAll(() => rm(root, { recursive: true, force: true }));

const ECHO = ["--adapter", "echo"];
const sh = (command: string) => run(["bash", "-e", "-c", command], { cwd: root });

async function post(server: Server, path: string, body: object): Promise<{ id: string }> {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(server.url + path, { method: "POST", headers, body: JSON.stringify(body) });
  expect(answer.ok).toBe(true);
  return (await answer.json()) as { id: string };
}

const read = async (server: Server, path: string): Promise<unknown> => (await fetch(server.url + path)).json();

describe.skipIf(process.platform === "win32")("a backup", () => {
  test("of a server that goes on writing has all that was answered before, and is sound", async () => {
    const server = await startServer(RUNTIME, ECHO, { data: join(root, "data") });
    let stopped = false;
    try {
      const thread = await post(server, "/v1/threads", { title: "before" });
      const message = await post(server, `/v1/threads/${thread.id}/messages`, { role: "user", content: "kept" });
      const writing = (async () => {
        for (let count = 0; !stopped; count++) await post(server, "/v1/threads", { title: `meanwhile ${count}` });
      })();
      expect(await sh("tar -czf backup.tar.gz -C data --exclude='./ingle.lock*' . || [ $? -eq 1 ]")).toMatchObject({ code: 0 });
      stopped = true;
      await writing;
      await post(server, `/v1/threads/${thread.id}`, { title: "after" });

      expect((await sh("mkdir restored && tar -xzf backup.tar.gz -C restored")).code).toBe(0);
      const check = await run([...RUNTIME.command, MAIN, "check", "--data", join(root, "restored")]);
      expect(check).toMatchObject({ code: 0 });
      const restored = await startServer(RUNTIME, ECHO, { data: join(root, "restored") });
      try {
        expect(await read(restored, `/v1/threads/${thread.id}`)).toMatchObject({ title: "before" });
        expect(JSON.stringify(await read(restored, `/v1/threads/${thread.id}/messages`))).toContain(message.id);
        // The one goes on beside the other.
        expect(await read(server, `/v1/threads/${thread.id}`)).toMatchObject({ title: "after" });
      } finally {
        await restored.stop();
      }
    } finally {
      stopped = true;
      await server.stop();
    }
  }, 60_000);
});
