// The driver over files: damaged ones, full, missing and read-only disks, and what is left lying about.
import { afterAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { MARKER } from "../../src/storage/file-names.ts";
import { disk, type FileSystem } from "../../src/storage/drivers/fs-durable/file-system.ts";
import type { WriteCalls } from "../../src/storage/drivers/fs-durable/record-writes.ts";
import { fsDurable } from "../../src/storage/drivers/fs-durable.ts";
import {
  DAMAGES,
  damagedFolder,
  dataFolder,
  failing,
  idOf,
  openFolder,
  readings,
  smallDisk,
  socketAt,
  temporaryFiles,
  tree,
} from "../support/folder.ts";
import { failure, failures, message, model, textOf, thread } from "../support/records.ts";
import { run } from "../support/program.ts";
import { runtimes } from "../support/runtimes.ts";

const folders: string[] = [];
const folder = (): string => {
  const base = dataFolder();
  folders.push(base);
  return base;
};
afterAll(() => folders.forEach((base) => rmSync(base, { recursive: true, force: true })));

const CORRUPTED = { status: 500, code: "corrupted_entity" };
const STORAGE = { status: 500, code: "storage_error" };
const FULL = { status: 507, code: "insufficient_storage" };

describe("damaged records", async () => {
  const { base, ids, damaged } = await damagedFolder(5);
  folders.push(base);
  const { store, lines } = openFolder(base);

  test.each(Object.entries(damaged))("a file %s is an error for its record alone", async (_, id) => {
    const path = join(base, "threads", `${id}.json`);
    const before = lstatSync(path);
    const bytes = before.isFile() ? readFileSync(path) : undefined;
    for (let time = 0; time < 2; time++) expect(await failure(store.threads.get(id))).toMatchObject(CORRUPTED);
    const change = store.threads.patch(id, (old) => ({ ...old, title: "new" }));
    expect(await failure(change)).toMatchObject(CORRUPTED);
    expect(await failure(store.conversations.addMessage(id, () => message("hi")))).toMatchObject(CORRUPTED);
    const after = lstatSync(path);
    expect([after.mtimeMs, after.ino, after.size, after.mode]).toEqual([before.mtimeMs, before.ino, before.size, before.mode]);
    if (bytes !== undefined) expect(readFileSync(path).equals(bytes)).toBe(true);
  });

  test("the list holds all the others", async () => {
    expect((await store.threads.list({ order: "asc", limit: 5 })).data.map(({ id }) => id)).toEqual(ids);
    expect((await store.threads.list({ limit: 2 })).data.map(({ id }) => id)).toEqual(ids.toReversed().slice(0, 2));
  });

  test("each is logged once, and counted", () => {
    const logged = lines.map(({ key }) => String(key));
    expect(logged.toSorted()).toEqual(
      Object.values(damaged)
        .map((id) => `threads:${id}`)
        .toSorted(),
    );
    expect(store.damaged()).toBe(logged.length);
  });

  test.each(runtimes())("$name tells the same of each of them", async ({ command, skip }) => {
    if (skip !== undefined) return console.log(skip);
    const script = join(import.meta.dirname, "../support/read-folder.ts");
    const { stdout, stderr } = await run([...command, script, base, ...Object.values(damaged), ...ids]);
    expect(stderr).toBe("");
    const codes = [...Object.values(damaged).map((id) => [id, "500 corrupted_entity"]), ...ids.map((id) => [id, "ok"])];
    expect(JSON.parse(stdout)).toEqual({ readings: Object.fromEntries(codes), listed: ids.toReversed() });
  });

  test("a socket is none either", async () => {
    const id = idOf("thread", 700);
    const socket = await socketAt(join(base, "threads", `${id}.json`));
    expect(await readings(store, [id])).toEqual({ [id]: "500 corrupted_entity" });
    socket.close();
  });

  test("a damaged one can be removed, and what a link points to stays", async () => {
    const removed = Object.entries(damaged).filter(([name]) => name in DAMAGES);
    for (const [, id] of removed) {
      expect(await store.conversations.remove(id)).toBe(true);
      expect(await store.threads.get(id)).toBeUndefined();
    }
    expect(existsSync("/dev/zero")).toBe(true);
    expect(tree(base).filter((path) => path.endsWith(".elsewhere"))).toHaveLength(2);
    const left = Object.values(damaged).filter((id) => !removed.some(([, other]) => other === id));
    expect((await store.threads.ids()).filter((id) => !ids.includes(id))).toEqual(left);
  });
});

test("messages: the rest of the page is served, and every damaged one is an error of its own", async () => {
  const base = folder();
  const { store, lines } = openFolder(base, {}, { shared: true });
  const { thread: t, messages } = await store.conversations.create(
    thread(),
    Array.from({ length: 6 }, (_, i) => message(`${i}`)),
  );
  for (const i of [1, 4]) writeFileSync(join(base, "messages", t.id, `${messages[i]!.id}.json`), "{");
  const page = await store.messages(t.id).list({ order: "asc", limit: 3 });
  expect(page.data.map(textOf)).toEqual(["0", "2", "3"]);
  expect(page.has_more).toBe(true);
  expect(await failure(store.messages(t.id).get(messages[1]!.id))).toMatchObject(CORRUPTED);
  await store.messages(t.id).list({});
  await store.messages(t.id).list({});
  expect(lines).toHaveLength(2);
});

test("messages without their thread cannot be reached", async () => {
  const base = folder();
  const { store } = openFolder(base);
  const { thread: t, messages } = await store.conversations.create(thread(), [message("a")]);
  rmSync(join(base, "threads", `${t.id}.json`));
  const later = openFolder(base).store;
  for (const error of await failures(
    later.conversations.addMessage(t.id, () => message("b")),
    later.conversations.patchMessage(t.id, messages[0]!.id, (old) => ({ ...old })),
    later.conversations.removeMessage(t.id, messages[0]!.id),
  )) {
    expect(error).toMatchObject({ status: 404, code: "thread_not_found" });
  }
  expect(existsSync(join(base, "messages", t.id, `${messages[0]!.id}.json`))).toBe(true);
});

test("stray files among the records are neither listed nor touched", async () => {
  const base = folder();
  const { store } = openFolder(base);
  const { thread: t } = await store.conversations.create(thread());
  const stray = [
    ".DS_Store",
    "notes.txt",
    "thread.json",
    "Thread_01jd.json",
    "\u00e9.json",
    "a b.json",
    "_zz.json",
    `${t.id}.json.bak`,
  ];
  for (const name of stray) writeFileSync(join(base, "threads", name), "theirs");
  mkdirSync(join(base, "threads", "folder", "inner"), { recursive: true });
  writeFileSync(join(base, "threads", "folder", `${idOf("thread", 1)}.json`), "{}");
  const later = openFolder(base);
  expect(await later.store.threads.ids()).toEqual([t.id]);
  await later.driver.sweep();
  for (const name of stray) expect(readFileSync(join(base, "threads", name), "utf8")).toBe("theirs");
});

test("a bit that flips anywhere damages its record at most", async () => {
  const base = folder();
  const { store } = openFolder(base);
  const { thread: t } = await store.conversations.create(thread("flip", { metadata: { text: "lorem \u00fc ".repeat(200) } }));
  const { thread: other } = await store.conversations.create(thread("other"));
  const path = join(base, "threads", `${t.id}.json`);
  const whole = new Uint8Array(readFileSync(path));
  expect(whole.length).toBeGreaterThan(2000);
  let bytes = whole;
  const files = { read: async (wanted: string, most: number) => (wanted === path ? bytes : disk.read(wanted, most)) };
  const flipped = openFolder(base, files, { shared: true }).store;
  const counts = { ok: 0, damaged: 0 };
  for (let bit = 0; bit < whole.length * 8; bit++) {
    bytes = whole.slice();
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    const found = await flipped.threads.get(t.id).catch((error) => error);
    if (found instanceof Error) expect(found).toMatchObject(CORRUPTED);
    else expect(found.id).toBe(t.id);
    counts[found instanceof Error ? "damaged" : "ok"]++;
    if (bit % 97 === 0) expect((await flipped.threads.list({})).data.at(0)?.id).toBe(other.id);
  }
  expect(counts.damaged).toBeGreaterThan(3000);
}, 60_000);

describe("temporary files", () => {
  test("older ones are swept, younger ones kept, none is ever listed", async () => {
    const base = folder();
    const { store, driver } = openFolder(base);
    const { thread: t } = await store.conversations.create(thread(), [message("a")]);
    await store.models.put(model("m"));
    const places = [base, join(base, "threads"), join(base, "messages", t.id), join(base, "models")];
    const make = (name: string, age_ms: number) =>
      places.map((place) => {
        const path = join(place, name);
        writeFileSync(path, "half");
        utimesSync(path, new Date(), new Date(Date.now() - age_ms));
        return path;
      });
    const old = make(`.${t.id}.dead.tmp`, 3_700_000);
    const young = make(`.${t.id}.alive.tmp`, 3_500_000);
    const future = make(`.${t.id}.clock.tmp`, -9e9);
    const theirs = make("theirs.tmp", 9e9);
    mkdirSync(join(base, "threads", ".folder.tmp"));
    await driver.sweep();
    expect(old.filter((path) => existsSync(path))).toEqual([]);
    for (const path of [...young, ...future, ...theirs]) expect(existsSync(path)).toBe(true);
    const later = openFolder(base).store;
    expect([await later.threads.ids(), await later.models.ids()]).toEqual([[t.id], ["m"]]);
    expect(await later.messages(t.id).ids()).toHaveLength(1);
  });

  test("one that goes away while they are swept ends nothing", async () => {
    const base = folder();
    const names = Array.from({ length: 4 }, (_, i) => join(base, `.a${i}.dead.tmp`));
    for (const path of names) {
      writeFileSync(path, "");
      utimesSync(path, 0, 0);
    }
    const away: Partial<FileSystem> = {
      modifiedAt: (path) => (path === names[1] ? (rmSync(path), disk.modifiedAt(path)) : disk.modifiedAt(path)),
    };
    const unlink = (path: string) => (path === names[2] ? (rmSync(path), disk.unlink(path)) : disk.unlink(path));
    await openFolder(base, { ...away, unlink }).driver.sweep();
    expect(temporaryFiles(base)).toEqual([]);
  });
});

describe("a disk that is missing", () => {
  test("is an error and no empty list, and nothing is written where it belongs", async () => {
    const base = folder();
    const { store } = openFolder(base, {}, { shared: true });
    const { thread: t } = await store.conversations.create(thread());
    // What an unmounted disk leaves is an empty folder.
    rmSync(base, { recursive: true });
    mkdirSync(base);
    for (const error of await failures(
      ...[
        store.threads.get(t.id),
        store.threads.ids(),
        store.threads.list({}),
        store.messages(t.id).ids(),
        store.assistants.ids(),
      ],
      ...[store.conversations.create(thread()), store.models.put(model("m"))],
    )) {
      expect(error).toMatchObject(STORAGE);
    }
    for (const time of [1, 2]) expect(await failure(store.conversations.create(thread(`${time}`)))).toMatchObject(STORAGE);
    expect(tree(base)).toEqual([]);
    writeFileSync(join(base, MARKER), "{}");
    await store.conversations.create(thread("back"), [message("a")]);
    expect(await store.threads.ids()).toHaveLength(1);
  });

  test("a folder that somebody removed by hand is made again", async () => {
    const base = folder();
    const { store } = openFolder(base);
    const { thread: t } = await store.conversations.create(thread(), [message("a")]);
    rmSync(join(base, "messages"), { recursive: true });
    expect(await failure(store.conversations.addMessage(t.id, () => message("b")))).toMatchObject(STORAGE);
    const answers = [1, 2].map(() => store.conversations.addMessage(t.id, () => message("c")).catch(() => undefined));
    await Promise.all(answers);
    expect(textOf(await store.conversations.addMessage(t.id, () => message("d")))).toBe("d");
  });
});

test("a key that is not a path of safe names is refused, and touches nothing", async () => {
  const base = folder();
  const driver = fsDurable({ base, token: "t" });
  for (const key of [
    "..",
    "a:..:b",
    ".",
    "",
    "a:",
    ":a",
    "a/b",
    "a\\b",
    "A",
    "a:.b",
    "a.",
    "con",
    "a:aux.txt",
    "a\0",
    "\u00e9",
    "a".repeat(121),
    "../x",
  ]) {
    const works = [
      () => driver.getItem(key),
      () => driver.setItem!(key, "x", {}),
      () => driver.removeItem!(key, {}),
      () => driver.hasItem(key, {}),
    ];
    for (const work of works) expect(await failure(Promise.resolve().then(work as () => unknown))).toBeInstanceOf(RangeError);
    if (key !== "" && !key.endsWith(":"))
      expect(await failure(Promise.resolve().then(() => driver.clear(key)))).toBeInstanceOf(RangeError);
  }
  expect(await failure(driver.clear(""))).toBeInstanceOf(RangeError);
  expect(tree(base)).toEqual([MARKER]);
});

test("a folder of records that is a link is not followed", async () => {
  const [base, outside] = [folder(), folder()];
  const theirs = await openFolder(outside).store.conversations.create(thread("theirs"));
  symlinkSync(join(outside, "threads"), join(base, "threads"));
  const before = tree(outside);
  const { store } = openFolder(base);
  for (const error of await failures(
    store.threads.get(theirs.thread.id),
    store.threads.ids(),
    store.conversations.create(thread()),
    store.threads.remove(theirs.thread.id),
  )) {
    expect(error).toMatchObject(STORAGE);
  }
  expect(tree(outside)).toEqual(before);
});

test("files and folders belong to their owner alone", async () => {
  const base = folder();
  const { store } = openFolder(base);
  const { thread: t } = await store.conversations.create(thread(), [message("a")]);
  for (const path of ["threads", "messages", `messages/${t.id}`]) expect(statSync(join(base, path)).mode & 0o777).toBe(0o700);
  expect(statSync(join(base, "threads", `${t.id}.json`)).mode & 0o777).toBe(0o600);
});

test("a folder is made once, however many write into it at once", async () => {
  const made: string[] = [];
  const base = folder();
  const { store } = openFolder(base, { mkdir: (path) => (made.push(path), disk.mkdir(path)) });
  const { thread: t } = await store.conversations.create(thread());
  const added = await Promise.all(
    Array.from({ length: 50 }, (_, i) => store.conversations.addMessage(t.id, () => message(`${i}`))),
  );
  expect(made.toSorted()).toEqual(["threads", "messages", `messages/${t.id}`].map((name) => join(base, name)).toSorted());
  expect(await openFolder(base).store.messages(t.id).ids()).toEqual(added.map(({ id }) => id).toSorted());
  const apart = await Promise.all(
    Array.from({ length: 50 }, (_, i) => store.conversations.create(thread(`${i}`), [message("a")])),
  );
  expect(await openFolder(base).store.threads.ids()).toHaveLength(apart.length + 1);
});

describe("errors of the disk", () => {
  /** A store in which a call on a path fails, once `fail` is set. */
  async function broken(
    matches: (call: keyof FileSystem | keyof WriteCalls, path: string) => boolean,
    code: string,
    times = Infinity,
  ) {
    const base = folder();
    let left = 0;
    const hits: string[] = [];
    const files = failing((call, path) => {
      if (left > 0 && matches(call, path)) return (left--, hits.push(`${call} ${path}`), code);
    });
    const { store, lines } = openFolder(base, files, { shared: true });
    const { thread: t } = await store.conversations.create(thread("old"), [message("m")]);
    left = times;
    const mend = () => (left = 0);
    return {
      base,
      store,
      t,
      mend,
      hits,
      lines,
      retitle: (title: string) => store.threads.patch(t.id, (old) => ({ ...old, title })),
    };
  }

  test.each([
    ["ENOSPC", FULL],
    ["EDQUOT", FULL],
    ["EIO", STORAGE],
    ["EROFS", STORAGE],
    ["EACCES", STORAGE],
    ["EMFILE", { status: 503, code: "storage_unavailable" }],
  ])("%s at a write leaves the old value and no temporary file, and the next one works", async (code, answer) => {
    for (const call of ["create", "syncAndClose", "rename"] as const) {
      const { base, store, t, mend, retitle } = await broken((found) => found === call, code);
      expect(await failure(retitle("new"))).toMatchObject(answer);
      expect((await store.threads.get(t.id))?.title).toBe("old");
      expect(await failure(store.conversations.create(thread(), [message("a"), message("b")]))).toMatchObject(answer);
      expect(await store.threads.ids()).toEqual([t.id]);
      expect(temporaryFiles(base)).toEqual([]);
      mend();
      expect((await retitle("new"))?.title).toBe("new");
    }
  });

  test("an error of a read is an error: no 404, no empty list", async () => {
    for (const code of ["EIO", "EMFILE"]) {
      const { store, t } = await broken((call) => ["read", "list", "names"].includes(call), code);
      const answer = code === "EIO" ? STORAGE : { status: 503, code: "storage_unavailable" };
      for (const error of await failures(
        store.threads.get(t.id),
        store.threads.list({}),
        store.threads.ids(),
        store.messages(t.id).list({}),
        store.threads.getMany([t.id]),
      )) {
        expect(error).toMatchObject(answer);
      }
    }
  });

  test("a record that may not be read is an error of its own", async () => {
    const { base, store, t, lines } = await broken(
      (call, path) => call === "read" && path.includes("thread_") && path === first,
      "EACCES",
    );
    const first = join(base, "threads", `${t.id}.json`);
    const { thread: other } = await store.conversations.create(thread("other"));
    expect(await failure(store.threads.get(t.id))).toMatchObject(STORAGE);
    expect((await store.threads.list({})).data.map(({ id }) => id)).toEqual([other.id]);
    expect(lines).toHaveLength(1);
  });

  const asRoot = process.getuid?.() === 0 ? " (skipped: root may read everything)" : "";
  test.skipIf(asRoot !== "")(`a record without permission is an error of its own${asRoot}`, async () => {
    const base = folder();
    const { store } = openFolder(base, {}, { shared: true });
    const [{ thread: t }, { thread: other }] = [
      await store.conversations.create(thread()),
      await store.conversations.create(thread()),
    ];
    chmodSync(join(base, "threads", `${t.id}.json`), 0);
    expect(await failure(store.threads.get(t.id))).toMatchObject(STORAGE);
    expect((await store.threads.list({})).data.map(({ id }) => id)).toEqual([other.id]);
  });

  test("after a folder's failed sync its entity refuses changes until it is opened again, the others go on", async () => {
    const { base, store, t, hits, retitle } = await broken((call, path) => call === "sync" && path.endsWith("threads"), "EIO", 1);
    expect(await failure(retitle("new"))).toMatchObject(STORAGE);
    expect(hits).toHaveLength(1);
    for (const title of ["again", "and again"]) expect(await failure(retitle(title))).toMatchObject(STORAGE);
    expect(["old", "new"]).toContain((await store.threads.get(t.id))!.title);
    await store.conversations.create(thread("another"));
    const later = openFolder(base).store;
    expect(["old", "new"]).toContain((await later.threads.get(t.id))!.title);
    expect((await later.threads.patch(t.id, (old) => ({ ...old, title: "later" })))?.title).toBe("later");
  });

  test("a new folder whose own name may not be on the disk takes no records", async () => {
    const { store, t } = await broken((call, path) => call === "sync" && path.endsWith("messages"), "EIO", 1);
    const { thread: other } = await store.conversations.create(thread());
    for (let time = 0; time < 3; time++) {
      expect(await failure(store.conversations.addMessage(other.id, () => message("a")))).toMatchObject(STORAGE);
    }
    await store.conversations.addMessage(t.id, () => message("b"));
  });

  test("too few open files for a folder's sync is passed over", async () => {
    const { store, retitle, t } = await broken((call) => call === "sync", "EMFILE", 1);
    expect(await failure(retitle("new"))).toMatchObject({ status: 503, code: "storage_unavailable" });
    expect((await retitle("newer"))?.title).toBe("newer");
    expect((await store.threads.get(t.id))?.title).toBe("newer");
  });

  test("a temporary file that could not be removed bars its record once at most", async () => {
    const { base, mend, retitle } = await broken((call) => call === "rename" || call === "unlink", "EIO");
    expect(await failure(retitle("new"))).toMatchObject(STORAGE);
    expect(temporaryFiles(base)).toHaveLength(1);
    mend();
    await retitle("new").catch(() => {});
    expect((await retitle("newer"))?.title).toBe("newer");
    expect(temporaryFiles(base)).toEqual([]);
  });

  test("a removal that failed half way leaves the thread's record away, and its messages out of reach", async () => {
    const { store, t, mend } = await broken((call, path) => call === "unlink" && path.includes("msg_"), "EIO");
    expect(await failure(store.conversations.remove(t.id))).toMatchObject(STORAGE);
    mend();
    expect(await store.threads.get(t.id)).toBeUndefined();
    expect(await failure(store.conversations.addMessage(t.id, () => message("a")))).toMatchObject({ status: 404 });
  });
});

const small = smallDisk();
const why = typeof small === "string" ? ` (skipped: ${small})` : "";
describe.skipIf(why !== "")(`a disk of 1 MiB${why}`, () => {
  if (typeof small === "string") return test.skip(`is full (skipped: ${small})`, () => {});
  afterAll(small.unmount);
  const base = small.path;
  const filler = join(base, "filler");
  const large = "x".repeat(600 * 1024);

  test("full in the middle of a value: the old one stands, nothing is left over, and space is all it takes to go on", async () => {
    writeFileSync(join(base, MARKER), "{}");
    const { store } = openFolder(base);
    const { thread: t } = await store.conversations.create(thread("old"), [message("m")]);
    writeFileSync(filler, new Uint8Array(700 * 1024));
    const before = tree(base);
    for (const change of [
      () => store.threads.patch(t.id, (old) => ({ ...old, title: large })),
      () => store.conversations.create(thread(large)),
      () => store.conversations.addMessage(t.id, () => message(large)),
    ]) {
      expect(await failure(change())).toMatchObject(FULL);
      expect(tree(base)).toEqual(before);
    }
    const reopened = openFolder(base).store;
    expect(await reopened.threads.get(t.id)).toEqual(t);
    expect(await reopened.messages(t.id).ids()).toHaveLength(1);
    // Small things still fit.
    await store.conversations.addMessage(t.id, () => message("small"));
    rmSync(filler);
    expect((await store.threads.patch(t.id, (old) => ({ ...old, title: large })))?.title).toHaveLength(large.length);
    await store.threads.patch(t.id, (old) => ({ ...old, title: "small" }));
  });

  test("full to the last byte: writes are refused, reads go on, also of a thread whose first messages did not fit", async () => {
    const { store } = openFolder(base, {}, { shared: true });
    const ids = await store.threads.ids();
    const before = tree(base);
    writeFileSync(filler, "");
    spawnSync("dd", ["if=/dev/zero", `of=${filler}`, "bs=4096"]);
    expect(await failure(store.conversations.create(thread(), [message("a"), message("b")]))).toMatchObject(FULL);
    expect(await failure(store.threads.patch(ids[0]!, (old) => ({ ...old, title: "new" })))).toMatchObject(FULL);
    expect((await store.threads.list({})).data.map(({ title }) => title)).toEqual(["small"]);
    rmSync(filler);
    expect(tree(base)).toEqual(before);
    await store.conversations.remove((await store.conversations.create(thread(), [message("a")])).thread.id);
  });

  test("read-only: what is there can be read, changes are an error", async () => {
    const { store } = openFolder(base, {}, { shared: true });
    const [id] = await store.threads.ids();
    small.readOnly();
    for (const error of await failures(
      store.conversations.create(thread()),
      store.conversations.addMessage(id!, () => message("a")),
      store.threads.patch(id!, (old) => ({ ...old, title: "new" })),
      store.conversations.remove(id!),
    )) {
      expect(error).toMatchObject(STORAGE);
    }
    expect((await store.threads.get(id!))?.title).toBe("small");
    expect((await store.threads.list({})).data).toHaveLength(1);
  });
});
