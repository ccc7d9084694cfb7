// `ingle import` once more: after a run that ended, and after one that was killed at any write.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "bun:test";
import type { Driver } from "unstorage";
import memory from "unstorage/drivers/memory";
import {
  bring,
  contents,
  folderWith,
  imported,
  importing,
  line,
  makeStore,
  oldFolder,
  put,
  snapshot,
  told,
} from "../support/old-folder.ts";
import { failure } from "../support/records.ts";

const LIKE_NEW = "It was imported before, and nothing was added to it since.";

describe("a second run", () => {
  for (const era of ["jan-0.4", "jan-0.5", "jan-0.6", "cortex", "broken"]) {
    test(`takes nothing of ${era}, and neither run touches the folder`, async () => {
      const folder = oldFolder(era);
      const before = snapshot(folder);
      const { store } = await importing(folder);
      const first = await contents(store);
      const report = await bring(store, folder);
      expect(report.taken).toEqual([]);
      expect(told(report).filter((reason) => reason.endsWith(LIKE_NEW)).length).toBe(first.threads.length);
      expect(await contents(store)).toEqual(first);
      expect(snapshot(folder)).toEqual(before);
    });
  }

  test("takes the messages that were added since, behind those that were written here", async () => {
    const folder = folderWith(line("1", "a", { created_at: 1_700_000_001 }) + line(undefined, "ok") + line(undefined, "ok"));
    const { store } = await importing(folder);
    const { thread, messages } = await imported(store, "t");
    expect(messages.length).toBe(3);
    await store.conversations.addMessage(thread.id, () => {
      const { id: _id, thread_id: _thread, ...rest } = messages[0]!;
      return { ...rest, content: [{ type: "text", text: { value: "here", annotations: [] } }] };
    });
    const more = line(undefined, "ok") + line("2", "b", { created_at: 1_700_000_005 }) + line("3", "c", { created_at: 3 });
    put(folder, "threads/t/messages.jsonl", readFileSync(join(folder, "threads/t/messages.jsonl"), "utf8") + more);
    // Jan writes a new time when the title changes.
    put(folder, "threads/t/thread.json", JSON.stringify({ title: "another", created: 1_700_009_999 }));
    const report = await bring(store, folder);
    expect(report.taken).toEqual([{ kind: "thread", old_id: "t", path: "threads/t", id: thread.id, messages: 3 }]);
    const { said: all, thread: same } = await imported(store, "t");
    expect(all.map(([, text]) => text)).toEqual(["a", "ok", "ok", "here", "ok", "b", "c"]);
    expect(same).toEqual(thread);
    expect((await bring(store, folder)).taken).toEqual([]);
  });

  test("leaves deleted messages deleted", async () => {
    const folder = folderWith(line("1", "a") + line("2", "b") + line("3", "c"));
    const { store } = await importing(folder);
    const { thread, messages } = await imported(store, "t");
    await store.conversations.removeMessage(thread.id, messages[1]!.id);
    const report = await bring(store, folder);
    expect(told(report)[0]).toContain("messages.jsonl:2: Later ones of the thread were imported before");
    expect((await imported(store, "t")).said.map(([, text]) => text)).toEqual(["a", "c"]);
  });

  test("goes on where a record of ours is damaged", async () => {
    const folder = oldFolder("jan-0.4");
    const driver = memory();
    const first = makeStore(driver);
    await bring(first, folder);
    const { thread } = await imported(first, "jan_1706000000");
    await driver.setItem!(`threads:${thread.id}`, "{", {});
    await driver.setItem!("models:tinyllama-1.1b", "{", {});
    expect(told(await bring(makeStore(driver), folder))).toEqual(
      expect.arrayContaining([
        "skipped thread threads/jan_1706000000: It was imported before, and its record here is damaged.",
        `skipped model models/tinyllama-1.1b/model.json: Another model "tinyllama-1.1b" is installed already.`,
        `skipped thread threads/jan_1706100000: ${LIKE_NEW}`,
      ]),
    );
  });
});

describe("killed in the middle, at every write", () => {
  /** Fails from the nth write on, as the writes of a process do that is gone. */
  function mortal(driver: Driver, writes: number): Driver {
    const count =
      <T extends unknown[]>(write: (...args: T) => unknown) =>
      async (...args: T): Promise<void> => {
        if (writes-- <= 0) throw new Error("killed");
        await write(...args);
      };
    return {
      ...driver,
      setItem: count(driver.setItem!),
      setItemRaw: count(driver.setItemRaw!),
      removeItem: count(driver.removeItem!),
      dispose: () => {},
    };
  }

  for (const era of ["jan-0.4", "jan-0.5", "jan-0.6", "cortex", "broken"]) {
    test(`${era}: the second run ends as one undisturbed run does`, async () => {
      const folder = oldFolder(era);
      const { store } = await importing(folder);
      const whole = await contents(store);
      for (let writes = 0; ; writes++) {
        const driver = { ...memory(), dispose: () => {} };
        const error = await bring(makeStore(mortal(driver, writes)), folder).then(
          () => undefined,
          (reason: Error) => reason,
        );
        if (error === undefined) break;
        const again = makeStore(driver);
        await bring(again, folder);
        expect(await contents(again)).toEqual(whole);
      }
    });
  }

  test("also while it takes what was added", async () => {
    const start = Array.from({ length: 3 }, (_, n) => line(n, `${n}`)).join("");
    const folder = folderWith(start);
    const added = start + Array.from({ length: 40 }, (_, n) => line(n + 3, `${n + 3}`)).join("");
    for (const writes of [0, 1, 7, 16, 17, 39]) {
      put(folder, "threads/t/messages.jsonl", start);
      const driver = { ...memory(), dispose: () => {} };
      await bring(makeStore(driver), folder);
      put(folder, "threads/t/messages.jsonl", added);
      await failure(bring(makeStore(mortal(driver, writes)), folder));
      const store = makeStore(driver);
      await bring(store, folder);
      expect((await imported(store, "t")).said.map(([, text]) => text)).toEqual(Array.from({ length: 43 }, (_, n) => `${n}`));
    }
  });

  test("what an earlier run has left and the folder does not hold any more is gone", async () => {
    const folder = folderWith(line("1", "a") + line("2", "b") + line("3", "c"));
    const driver = { ...memory(), dispose: () => {} };
    await failure(bring(makeStore(mortal(driver, 3)), folder));
    put(folder, "threads/t/messages.jsonl", line("1", "a") + line("3", "c"));
    const store = makeStore(driver);
    await bring(store, folder);
    expect((await imported(store, "t")).said.map(([, text]) => text)).toEqual(["a", "c"]);
  });
});
