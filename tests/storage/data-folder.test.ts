// The data folder at the start: made where there is none, left alone where it is somebody else's, and whole whatever ends the start.
import { afterAll, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { checkFolder } from "../../src/storage/check/check.ts";
import { LOCK_FILE, MARKER } from "../../src/storage/file-names.ts";
import { DataFolderError, openDataFolder, readDataFolder } from "../../src/storage/data-folder.ts";
import { NO_STRACE } from "../faults/strace.ts";
import { openFolder, tree } from "../support/folder.ts";
import { run } from "../support/program.ts";
import { failure, listening, thread } from "../support/records.ts";
import { runtimes } from "../support/runtimes.ts";

const SLOW = 300_000;
const root = mkdtempSync(join(tmpdir(), "ingle-start-"));
afterAll(() => rmSync(root, { recursive: true }));

let folders = 0;
/** A path where nothing is yet. */
const place = (): string => join(root, `${folders++}`);
const made = (): string => {
  const folder = place();
  mkdirSync(folder);
  return folder;
};
const open = (folder: string, more: object = {}) =>
  openDataFolder({ folder, store: "fs-durable", command: "test", log: listening().log, ...more });
const text = (...path: string[]): string => readFileSync(join(...path), "utf8");

/** Opening it is refused in a sentence, and nothing in it has changed. */
async function expectRefusal(folder: string, says: string, more: object = {}): Promise<void> {
  const before = existsSync(folder) && statSync(folder).isDirectory() ? tree(folder) : existsSync(folder);
  const error = await failure(open(folder, more));
  expect(error).toBeInstanceOf(DataFolderError);
  expect(error.message).toContain(says);
  expect(error.message).toMatch(/^[A-Z/].*[.]$/);
  expect(existsSync(folder) && statSync(folder).isDirectory() ? tree(folder) : existsSync(folder)).toEqual(before);
}

describe("a folder", () => {
  test("that was closed takes no more writes: another process may hold it by then", async () => {
    const folder = place();
    const { store, close } = await open(folder);
    const { thread: kept } = await store.conversations.create(thread());
    await close();
    const other = await open(folder);
    const error = await failure(store.threads.patch(kept.id, (old) => ({ ...old, title: "late" })));
    expect(error).toMatchObject({ status: 503, code: "storage_unavailable" });
    expect((await other.store.threads.get(kept.id))?.title).not.toBe("late");
    await other.close();
  });

  test("that is not there is made, with those it is in, for its owner alone", async () => {
    const folder = join(place(), "a", "b");
    const { store, close } = await open(folder);
    await store.conversations.create(thread());
    for (const path of [folder, dirname(folder), dirname(dirname(folder))]) expect(statSync(path).mode & 0o777).toBe(0o700);
    for (const name of [MARKER, LOCK_FILE]) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
    await close();
    expect(tree(folder)).not.toContain(LOCK_FILE);
    expect((await checkFolder(folder, { in_use: false })).findings).toEqual([]);
  });

  test("that holds what is not ours is left alone", async () => {
    for (const name of ["notes.txt", "threads", "set-aside", "ingle.jsonx", ".hidden", "x.tmp"]) {
      const folder = made();
      writeFileSync(join(folder, name), "theirs");
      await expectRefusal(folder, `holds "${name}" and is not a data folder`);
      expect(text(folder, name)).toBe("theirs");
    }
  });

  test("that holds no more than a disk brings along is taken", async () => {
    const folder = made();
    mkdirSync(join(folder, "lost+found"));
    writeFileSync(join(folder, ".DS_Store"), "theirs");
    await (await open(folder)).close();
    expect(tree(folder)).toEqual([".DS_Store", MARKER, "lost+found"]);
  });

  test("without a marker is refused under no_init, and nothing is made", async () => {
    const empty = made();
    for (const folder of [empty, place()]) await expectRefusal(folder, "Is its disk mounted?", { no_init: true });
    await (await open(empty)).close();
    await (await open(empty, { no_init: true })).close();
  });

  test("that is not a folder is refused", async () => {
    const file = place();
    writeFileSync(file, "theirs");
    await expectRefusal(file, "it is not a folder");
    await expectRefusal(join(file, "below"), "it is not a folder");
    expect(text(file)).toBe("theirs");
  });

  test("that is a link to one is that one", async () => {
    const [folder, link] = [made(), place()];
    symlinkSync(folder, link);
    const { store, close } = await open(link);
    const { thread: t } = await store.conversations.create(thread());
    await close();
    expect(await openFolder(folder).store.threads.ids()).toEqual([t.id]);
  });
});

describe("the marker", () => {
  test.each(["", "{", "[]", '{"format": "1"}', "null"])("%j is damaged: refused, and as it was afterwards", async (marker) => {
    const folder = made();
    writeFileSync(join(folder, MARKER), marker);
    await expectRefusal(folder, "is damaged");
    expect(text(folder, MARKER)).toBe(marker);
  });

  test("of a later ingle is refused, and nothing is written", async () => {
    const folder = made();
    writeFileSync(join(folder, MARKER), '{"format": 2, "more": true}');
    await expectRefusal(folder, "was written by a newer ingle (format 2)");
  });

  test("survives with all that a later ingle of this format has put there", async () => {
    const folder = made();
    writeFileSync(join(folder, MARKER), '{"format": 1, "more": true}');
    await (await open(folder)).close();
    expect(text(folder, MARKER)).toBe('{"format": 1, "more": true}');
  });
});

test("a folder that is only read is not made, not marked and not locked", async () => {
  const [absent, empty] = [place(), made()];
  for (const folder of [absent, empty]) {
    const { store, close } = await readDataFolder({ folder, store: "fs-durable", log: listening().log });
    expect(await store.threads.ids()).toEqual([]);
    expect(await failure(store.conversations.create(thread()))).toMatchObject({ status: 503 });
    await close();
  }
  expect([existsSync(absent), tree(empty)]).toEqual([false, []]);
});

test("what an interrupted start has left is swept like other temporary files", async () => {
  const folder = made();
  const left = join(folder, `.${MARKER}.0a1b.tmp`);
  writeFileSync(left, "half");
  utimesSync(left, 0, 0);
  await (await open(folder)).close();
  await openFolder(folder).driver.sweep();
  expect(tree(folder)).toEqual([MARKER]);
});

// What a start changes on the disk.
const CALLS = ["mkdir", "fsync", "link", "linkat", "rename", "unlink"];
const WORKER = fileURLToPath(new URL("../faults/worker.ts", import.meta.url));

describe.each(runtimes())("a first start on $name", ({ command, skip }) => {
  const why = skip ?? NO_STRACE;
  const inTime = (name: string, work: () => Promise<void>) =>
    test.skipIf(why !== undefined)(why === undefined ? name : `${name} (skipped: ${why})`, work, SLOW);

  /** Starts in a folder, and stops at once, under strace. */
  async function start(folder: string, words: string[]): Promise<{ code: number | null; trace: string }> {
    const output = place();
    const { code } = await run(["strace", "-f", "-y", "-o", output, ...words, ...command, WORKER, folder]);
    return { code, trace: text(output) };
  }

  inTime("makes all names last, of the folders above too", async () => {
    const top = place();
    const folder = join(top, "a", "b");
    const { code, trace } = await start(folder, ["-e", "trace=fsync"]);
    expect(code).toBe(0);
    const synced = [...trace.matchAll(/fsync\(\d+<([^>]*)>/g)].map(([, path]) => path);
    expect(synced).toEqual(expect.arrayContaining([root, top, dirname(folder), folder]));
  });

  inTime("that is killed at any step leaves a folder that can be started in", async () => {
    const first = place();
    const { trace } = await start(first, ["-e", `trace=${CALLS.join(",")}`]);
    const lines = trace.split("\n").filter((line) => line.includes(first));
    const times = Map.groupBy(
      lines.flatMap((line) => /^\d+ +(\w+)\(/.exec(line)?.[1] ?? []),
      (name) => name,
    );
    expect([...times.keys()].map((name) => name.replace("linkat", "link")).toSorted()).toEqual([
      "fsync",
      "link",
      "mkdir",
      "rename",
      "unlink",
    ]);
    let killed = 0;
    for (const [name, { length }] of times) {
      for (let k = 1; k <= length; k++) {
        const folder = place();
        const { trace } = await start(folder, ["-e", `trace=${name}`, "-e", `inject=${name}:signal=KILL:when=${k}`]);
        if (trace.includes("killed by SIGKILL")) killed++;
        const { store, close } = await open(folder);
        const { thread: t } = await store.conversations.create(thread());
        await close();
        expect(await openFolder(folder).store.threads.ids()).toEqual([t.id]);
        expect((await checkFolder(folder, { in_use: false })).findings).toEqual([]);
      }
    }
    expect(killed).toBeGreaterThanOrEqual(5);
  });
});
