// The store on each driver that is offered, and what is special about some of them.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Driver } from "unstorage";
import memory from "unstorage/drivers/memory";
import { openDataFolder } from "../../src/storage/data-folder.ts";
import { chosenDriver, guaranteeOf, loadDriver } from "../../src/storage/drivers.ts";
import type { DriverChoice } from "../../src/storage/store-path.ts";
import { fsDurable } from "../../src/storage/drivers/fs-durable.ts";
import { createStore, type Store } from "../../src/storage/store.ts";
import { storeSuite, type Place } from "../storage-suite.ts";
import { failure, listening, message, model, thread } from "../support/records.ts";
import { NO_REDIS, startRedis, type RedisServer } from "../support/redis.ts";

const { log } = listening();
const temporary = () => mkdtemp(join(tmpdir(), "ingle-store-"));

/** Opens stores and closes them all at the end. */
function place(driver: () => Driver | Promise<Driver>, shared: boolean, clean: () => Promise<void> = async () => {}): Place {
  const opened: Store[] = [];
  return {
    async open() {
      const store = createStore({ driver: await driver(), shared, log });
      opened.push(store);
      return store;
    },
    async end() {
      for (const store of opened) await store.close();
      await clean();
    },
  };
}

storeSuite("fs-durable", async () => {
  const base = await temporary();
  await writeFile(join(base, "ingle.json"), "{}");
  const driver = () => fsDurable({ base, marker: "ingle.json", token: "test" });
  return place(driver, false, () => rm(base, { recursive: true }));
});

storeSuite("memory", async () => {
  const driver = memory();
  return place(() => ({ ...driver, dispose: () => {} }), false);
});

storeSuite("fs", async () => {
  const base = await temporary();
  return place(
    () => loadDriver({ driver: "fs", base }),
    true,
    () => rm(base, { recursive: true, force: true }),
  );
});

let redis: RedisServer | undefined;
const onRedis = (base: string) => loadDriver({ ...chosenDriver(redis!.url), base });
beforeAll(async () => {
  if (NO_REDIS === undefined) redis = await startRedis();
});
afterAll(() => redis?.kill());

if (NO_REDIS === undefined) {
  storeSuite("redis", async () => {
    const base = randomUUID();
    return place(() => onRedis(base), true);
  });
} else test.skip(`the store on redis (${NO_REDIS})`, () => {});

describe.skipIf(NO_REDIS !== undefined)(`two stores on one Redis${NO_REDIS === undefined ? "" : ` (${NO_REDIS})`}`, () => {
  test("see each other's records at once", async () => {
    const here = place(() => onRedis("two"), true);
    const [one, two] = [await here.open(), await here.open()];
    const { thread: t } = await one.conversations.create(thread("a"));
    expect(await two.threads.ids()).toEqual([t.id]);
    await two.threads.patch(t.id, (old) => ({ ...old, title: "b" }));
    expect((await one.threads.get(t.id))?.title).toBe("b");
    const { id } = await two.conversations.addMessage(t.id, () => message("m"));
    expect(await one.messages(t.id).ids()).toEqual([id]);
    await one.conversations.remove(t.id);
    expect(await two.threads.list({})).toMatchObject({ data: [] });
    expect(await failure(two.conversations.addMessage(t.id, () => message("late")))).toMatchObject({ status: 404 });
    await here.end();
  });

  test("leave no message behind when one adds what the other removes", async () => {
    const here = place(() => onRedis("race"), true);
    const [one, two] = [await here.open(), await here.open()];
    for (let round = 0; round < 20; round++) {
      const { thread: t } = await one.conversations.create(thread(), [message("first")]);
      const adding = Array.from({ length: 4 }, () =>
        two.conversations.addMessage(t.id, () => message("x")).catch(({ status }) => status),
      );
      await one.conversations.remove(t.id);
      for (const answer of await Promise.all(adding)) expect(answer === 404 || typeof answer === "object").toBe(true);
      expect(await one.messages(t.id).ids()).toEqual([]);
    }
    await here.end();
  });

  test("what else is in that Redis is left alone", async () => {
    const here = place(() => onRedis("ours"), true);
    const other = (await onRedis("ours-too")) as Driver;
    await other.setItem!("threads:thread_01jd0000000000000000000000", "theirs", {});
    const store = await here.open();
    await store.conversations.remove((await store.conversations.create(thread(), [message("a")])).thread.id);
    expect(await store.threads.ids()).toEqual([]);
    expect(await other.getItem("threads:thread_01jd0000000000000000000000", {})).toBe("theirs");
    await other.dispose?.();
    await here.end();
  });

  test("answer 503 within seconds while it is down, and work again when it is back", async () => {
    const own = await startRedis();
    const here = place(() => loadDriver(chosenDriver(own.url)), true);
    const store = await here.open();
    const { thread: t } = await store.conversations.create(thread("a"));
    await own.kill();
    const start = performance.now();
    const all = [
      ...[store.threads.get(t.id), store.threads.ids(), store.threads.list({}), store.conversations.create(thread())],
      ...[store.conversations.remove(t.id), store.threads.patch(t.id, (old) => ({ ...old })), store.models.put(model("m"))],
    ];
    for (const error of await Promise.all(all.map((work) => failure(work)))) {
      expect(error).toMatchObject({ status: 503, code: "storage_unavailable", headers: { "retry-after": expect.any(String) } });
      expect(error.message).not.toContain("127.0.0.1");
    }
    // Also later, when it is waiting between two attempts to connect.
    await Bun.sleep(1500);
    expect(await failure(store.threads.get(t.id))).toMatchObject({ status: 503 });
    expect(performance.now() - start).toBeLessThan(10_000);
    await own.start();
    const again = async () => (await store.conversations.create(thread("b")).catch(() => undefined)) ?? (await Bun.sleep(100));
    let created;
    for (const end = Date.now() + 10_000; created === undefined && Date.now() < end;) created = await again();
    expect(await store.threads.ids()).toEqual([created!.thread.id]);
    await here.end();
    await own.kill();
  }, 60_000);

  test("a Redis that is full is a full storage", async () => {
    const own = await startRedis();
    const here = place(() => loadDriver(chosenDriver(own.url)), true);
    const store = await here.open();
    const client = (await loadDriver(chosenDriver(own.url))).getInstance!() as {
      config(...words: string[]): Promise<unknown>;
      disconnect(): void;
    };
    await client.config("SET", "maxmemory", "1");
    expect(await failure(store.conversations.create(thread()))).toMatchObject({ status: 507, code: "insufficient_storage" });
    await client.config("SET", "maxmemory", "0");
    await store.conversations.create(thread());
    client.disconnect();
    await here.end();
    await own.kill();
  });
});

test("an error that a driver answers with, instead of throwing it, is an error", async () => {
  const eio = Object.assign(new Error("EIO: i/o error"), { code: "EIO" });
  const kept = memory();
  const store = createStore({ driver: { ...kept, getItemRaw: async () => eio }, shared: false, log });
  expect(await failure(store.threads.get("thread_01jd0000000000000000000000"))).toMatchObject({
    status: 500,
    code: "storage_error",
    cause: eio,
  });
});

test("a record that is not text hides no other one, whatever the driver gives", async () => {
  const base = await temporary();
  const store = createStore({ driver: await loadDriver({ driver: "fs", base }), shared: true, log });
  const { thread: good } = await store.conversations.create(thread("good"));
  const { thread: bad } = await store.conversations.create(thread("bad"));
  for (const bytes of [Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), Buffer.from(`\ufeff${JSON.stringify(bad)}`)]) {
    await writeFile(join(base, "threads", bad.id), bytes);
    expect(await failure(store.threads.get(bad.id))).toMatchObject({ status: 500, code: "corrupted_entity" });
    expect((await store.threads.list({})).data).toEqual([good]);
  }
  await rm(base, { recursive: true });
});

test("what is too large to be kept is refused, and what was there stays", async () => {
  const base = await temporary();
  const store = createStore({ driver: fsDurable({ base, token: "t" }), shared: false, log });
  const { thread: t } = await store.conversations.create(thread("old"));
  const change = store.threads.patch(t.id, (old) => ({ ...old, title: "x".repeat(17 * 2 ** 20) }));
  expect(await failure(change)).toMatchObject({ status: 413, code: "request_too_large" });
  expect((await store.threads.get(t.id))?.title).toBe("old");
  // Deep and wide, its indents alone would take more than all the memory that a text may have.
  let deep: unknown = Array.from({ length: 500_000 }, () => 0);
  for (let depth = 0; depth < 60; depth++) deep = [deep];
  await store.threads.patch(t.id, (old) => ({ ...old, metadata: { deep } }));
  const again = createStore({ driver: fsDurable({ base, token: "u" }), shared: false, log });
  expect((await again.threads.get(t.id))?.metadata).toEqual({ deep });
  await rm(base, { recursive: true });
});

describe("the choice of a store", () => {
  test.each<[setting: string | DriverChoice, choice: DriverChoice]>([
    ["fs-durable", { driver: "fs-durable" }],
    ["memory", { driver: "memory" }],
    ["fs:/srv/a:b", { driver: "fs", base: "/srv/a:b" }],
    ["fs-lite:./x", { driver: "fs-lite", base: "./x" }],
    ["redis://:secret@host:1234/2", { driver: "redis", url: "redis://:secret@host:1234/2" }],
    ["rediss://host", { driver: "redis", url: "rediss://host" }],
    [
      { driver: "s3", bucket: "b" },
      { driver: "s3", bucket: "b" },
    ],
  ])("%j is understood", (setting, choice) => {
    expect(chosenDriver(setting)).toEqual(choice);
  });

  test.each([
    "",
    "nonsense",
    "http://host",
    "postgres://host",
    "toString",
    "__proto__",
    "fs-durable:/srv",
    "/srv/data",
    "C:\\data",
  ])("%j is refused in a sentence", (setting) => {
    expect(() => chosenDriver(setting)).toThrow(/^The store ".*" (is unknown|cannot be read)\. .+\.$/);
  });

  test.each(["null", "lru-cache", "lruCache", "http", "github"])("%s cannot hold a store", async (driver) => {
    expect(() => chosenDriver(driver)).toThrow(`The store "${driver}" cannot be used: it `);
    expect(() => chosenDriver({ driver, base: "x" })).toThrow(`The store "${driver}" cannot be used`);
  });

  test("every driver's guarantee is a sentence, also an unknown one's", () => {
    expect(guaranteeOf("fs-durable")).toEqual({ keeps: expect.stringContaining("power cut"), shared: false });
    expect(guaranteeOf("mongodb")).toMatchObject({ shared: true });
    expect(guaranteeOf("toString")).toMatchObject({ shared: true });
  });

  test.each([
    ["drops what is written", { getKeys: async () => [] }, "what is written to it is not there afterwards"],
    ["does not list what it holds", { ...memory(), getKeys: () => [] }, "it does not list what is in it"],
    ["throws", { ...memory(), setItem: () => Promise.reject(new Error("no disk")) }, 'it reports "no disk"'],
  ])("a driver that %s is refused at the start", async (_, layer, fault) => {
    const folder = await temporary();
    const seed = { hasItem: async () => false, getItem: async () => null, ...layer };
    const store = { driver: "overlay", layers: [seed] };
    const error = await failure(openDataFolder({ folder, store, command: "test", log }));
    expect(error).toMatchObject({ name: "DriverError" });
    expect(error.message).toContain(fault);
    await rm(folder, { recursive: true });
  });

  test("a Redis that is not there is refused at the start, within seconds", async () => {
    const folder = await temporary();
    const start = performance.now();
    const error = await failure(openDataFolder({ folder, store: "redis://127.0.0.1:1", command: "test", log }));
    expect(error).toMatchObject({ name: "DriverError", message: expect.stringContaining('The store "redis" cannot be used') });
    expect(performance.now() - start).toBeLessThan(10_000);
    await rm(folder, { recursive: true });
  });
});
