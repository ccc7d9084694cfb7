// Two real servers, each with a data folder of its own, on one Redis: they serve the same threads.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { NO_REDIS, startRedis, type RedisServer } from "../support/redis.ts";
import { runtimes } from "../support/runtimes.ts";
import { startServer, type Server } from "../support/server.ts";

const SLOW = 120_000;
const usable = runtimes().filter(({ skip }) => skip === undefined);

describe.skipIf(NO_REDIS !== undefined)(NO_REDIS ?? "two servers on one Redis", () => {
  let redis: RedisServer;
  /** On as many runtimes as there are: they share data, not code. */
  let servers: Server[] = [];
  const ask = async (server: number, path: string, method = "GET", body?: object): Promise<any> => {
    const init = body && { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
    const res = await fetch(`${servers[server]!.url}/v1${path}`, { method, ...init });
    return res.json();
  };
  const ids = ({ data }: { data: { id: string }[] }) => data.map(({ id }) => id);

  beforeAll(async () => {
    redis = await startRedis();
    const args = ["--adapter", "echo", "--store", `${redis.url}/0`];
    servers = await Promise.all([0, 1].map((n) => startServer(usable[n % usable.length]!, args)));
  }, SLOW);
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop("SIGKILL")));
    await redis?.kill();
  });

  test("what one has written the other lists at once, changed and deleted too", async () => {
    for (let n = 0; n < 10; n++) {
      const [here, there] = [n % 2, 1 - (n % 2)];
      const thread = await ask(here, "/threads", "POST", { title: `T${n}` });
      expect(ids(await ask(there, "/threads?limit=100"))[0]).toBe(thread.id);
      const message = await ask(there, `/threads/${thread.id}/messages`, "POST", { role: "user", content: `M${n}` });
      expect(ids(await ask(here, `/threads/${thread.id}/messages`))).toEqual([message.id]);
      await ask(there, `/threads/${thread.id}`, "PATCH", { title: "changed" });
      expect((await ask(here, `/threads/${thread.id}`)).title).toBe("changed");
      if (n % 3 > 0) continue;
      await ask(here, `/threads/${thread.id}`, "DELETE");
      expect((await ask(there, `/threads/${thread.id}`)).error.code).toBe("thread_not_found");
      expect(ids(await ask(there, "/threads?limit=100"))).not.toContain(thread.id);
    }
  });

  test("both write at once: nothing is lost, and both list the same in the same order", async () => {
    const { id } = await ask(0, "/threads", "POST", {});
    const path = `/threads/${id}/messages`;
    const written = await Promise.all(
      Array.from({ length: 60 }, (_, n) => ask(n % 2, path, "POST", { role: "user", content: String(n) })),
    );
    const [one, other] = await Promise.all([0, 1].map((server) => ask(server, `${path}?limit=100`)));
    expect(ids(one).toSorted()).toEqual(written.map((message) => message.id).toSorted());
    expect(ids(other)).toEqual(ids(one));
  });

  test("an assistant made here answers in a thread made there", async () => {
    const assistant = await ask(0, "/assistants", "POST", { name: "A", model: "echo" });
    const thread = await ask(1, "/threads", "POST", { assistants: [{ assistant_id: assistant.id }] });
    expect((await ask(0, `/threads/${thread.id}`)).assistants).toEqual([assistant.id]);
  });

  test("one that ends leaves the other everything", async () => {
    const { id } = await ask(1, "/threads", "POST", { title: "kept" });
    expect(await servers[1]!.stop("SIGKILL")).toBe("SIGKILL");
    expect((await ask(0, `/threads/${id}`)).title).toBe("kept");
  });

  test("without their Redis they say so, and go on when it is back", async () => {
    await redis.kill();
    const res = await fetch(`${servers[0]!.url}/v1/threads`, { method: "POST" });
    expect([res.status, ((await res.json()) as any).error.code]).toEqual([503, "storage_unavailable"]);
    await redis.start();
    expect((await ask(0, "/threads", "POST", { title: "again" })).title).toBe("again");
  });
});
