// Data folders for tests, and what can happen to the files in them.
import { spawnSync } from "node:child_process";
import { existsSync, linkSync, mkdirSync, mkdtempSync, readdirSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MARKER } from "../../src/storage/file-names.ts";
import { disk, type FileSystem } from "../../src/storage/drivers/fs-durable/file-system.ts";
import { fsDurable } from "../../src/storage/drivers/fs-durable.ts";
import { putRecordsNow, systemCalls, type WriteCalls } from "../../src/storage/drivers/fs-durable/record-writes.ts";
import { createStore, type Store } from "../../src/storage/store.ts";
import { listening, thread } from "./records.ts";

/** An empty data folder. */
export function dataFolder(): string {
  const base = mkdtempSync(join(tmpdir(), "ingle-data-"));
  writeFileSync(join(base, MARKER), '{"format": 1}\n');
  return base;
}

/** The store of a folder, on other files if wanted; `lines` is its log. */
export function openFolder(base: string, files: Partial<FileSystem> = {}, { shared = false, token = "test" } = {}) {
  const { log, lines } = listening();
  const driver = fsDurable({ base, marker: MARKER, token, files: { ...disk, ...files } });
  return { store: createStore({ driver, shared, log }), driver, lines };
}

/** Every path below a folder, relative and sorted. */
export function tree(base: string): string[] {
  return readdirSync(base, { recursive: true }).map(String).sort();
}

export const temporaryFiles = (base: string): string[] => tree(base).filter((path) => path.endsWith(".tmp"));

/** An id of our own that nobody has issued: `n` up to 9 digits. */
export const idOf = (prefix: string, n: number): string => `${prefix}_01jd${String(n).padStart(22, "0")}`;

const text = (id: string): string => `${JSON.stringify({ id, ...thread("damaged") }, null, 2)}\n`;

/** Ways to damage the record of a thread, each making the file `path` for `id`; `code` is what reading it gives. */
export const DAMAGES: Record<string, { make(path: string, id: string): void; code?: string }> = {
  empty: { make: (path) => writeFileSync(path, "") },
  cut: { make: (path, id) => writeFileSync(path, text(id).slice(0, 80)) },
  "without its last brace": { make: (path, id) => writeFileSync(path, text(id).trimEnd().slice(0, -1)) },
  "of NULs": { make: (path, id) => writeFileSync(path, "\0".repeat(text(id).length)) },
  "with one NUL at its end": { make: (path, id) => writeFileSync(path, `${text(id)}\0`) },
  "with 4096 NULs at its end": { make: (path, id) => writeFileSync(path, text(id) + "\0".repeat(4096)) },
  "of random bytes": { make: (path) => writeFileSync(path, crypto.getRandomValues(new Uint8Array(3000))) },
  "of invalid UTF-8": { make: (path, id) => writeFileSync(path, Buffer.from(text(id).replace("damaged", "\xff\xfe"), "latin1")) },
  "behind a byte order mark": { make: (path, id) => writeFileSync(path, `\ufeff${text(id)}`) },
  "of an array": { make: (path, id) => writeFileSync(path, `[${text(id)}]`) },
  "of null": { make: (path) => writeFileSync(path, "null\n") },
  "of a number": { make: (path) => writeFileSync(path, "1\n") },
  "with another id": { make: (path) => writeFileSync(path, text(idOf("thread", 999))) },
  "without a title": { make: (path, id) => writeFileSync(path, text(id).replace("title", "tilte")) },
  "of two documents": { make: (path, id) => writeFileSync(path, text(id) + text(id)) },
  "of 17 MiB": { make: (path) => (writeFileSync(path, ""), truncateSync(path, 17 * 2 ** 20)) },
  "that is a FIFO": { make: (path) => void spawnSync("mkfifo", [path]) },
  "that is a link to a good one": {
    make: (path, id) => (writeFileSync(`${path}.elsewhere`, text(id)), symlinkSync(`${path}.elsewhere`, path)),
  },
  "that is a link to itself": { make: (path) => symlinkSync(path, path) },
  "that is a link to nothing": { make: (path) => symlinkSync(`${path}.nothing`, path) },
  "that is a link to /dev/zero": { make: (path) => symlinkSync("/dev/zero", path) },
  "that has a second name": {
    make: (path, id) => (writeFileSync(`${path}.elsewhere`, text(id)), linkSync(`${path}.elsewhere`, path)),
  },
};

export const FOLDER_INSTEAD = "that is a folder";

/** Puts one of each in the folder of threads, besides `good` whole ones that a store has made. */
export async function damagedFolder(good: number): Promise<{ base: string; ids: string[]; damaged: Record<string, string> }> {
  const base = dataFolder();
  const { store } = openFolder(base);
  const ids: string[] = [];
  for (let i = 0; i < good; i++) ids.push((await store.conversations.create(thread(`${i}`))).thread.id);
  const damaged: Record<string, string> = {};
  for (const [i, [name, { make }]] of Object.entries(DAMAGES).entries()) {
    damaged[name] = idOf("thread", i);
    make(join(base, "threads", `${damaged[name]}.json`), damaged[name]);
  }
  damaged[FOLDER_INSTEAD] = idOf("thread", 500);
  mkdirSync(join(base, "threads", `${damaged[FOLDER_INSTEAD]}.json`));
  writeFileSync(join(base, "threads", `${damaged[FOLDER_INSTEAD]}.json`, "theirs.json"), "{}");
  return { base, ids, damaged };
}

/** A socket file in a record's place, until `close` is called. */
export function socketAt(path: string): Promise<{ close(): void }> {
  const server = createServer();
  return new Promise((resolve) => server.listen(path, () => resolve({ close: () => server.close() })));
}

export interface SmallDisk {
  path: string;
  readOnly(): void;
  unmount(): void;
}

/** A disk of 1 MiB, unless the options of tmpfs say otherwise, or why this machine gives none. */
export function smallDisk(options = "size=1m"): SmallDisk | string {
  const path = mkdtempSync(join(tmpdir(), "ingle-disk-"));
  const mount = (...words: string[]) => spawnSync("mount", [...words, path], { encoding: "utf8" });
  const done = mount("-t", "tmpfs", "-o", options, "tmpfs");
  if (done.status !== 0) return `no disk can be mounted here: ${(done.stderr ?? `${done.error?.message}`).trim()}`;
  return {
    path,
    readOnly: () => void mount("-o", "remount,ro"),
    unmount: () => void spawnSync("umount", ["-l", path]),
  };
}

type Call = keyof FileSystem | keyof WriteCalls;
type Work = (...args: unknown[]) => unknown;

/** A port whose calls, and those of its writes, fail as told: `fail` is asked before each one. */
export function failing(fail: (call: Call, path: string) => string | undefined): FileSystem {
  const asking = <T extends object>(port: T, around: (work: Work) => Work): T => {
    const asked = (Object.entries(port) as [Call, Work][]).map(([call, work]) => [
      call,
      around((...args) => {
        const path = String(args.find((arg) => typeof arg === "string"));
        const code = fail(call, path);
        if (code === undefined) return work(...args);
        throw Object.assign(new Error(`${code}: injected, ${call} '${path}'`), { code });
      }),
    ]);
    return Object.fromEntries(asked) as T;
  };
  const calls = asking(systemCalls, (work) => work);
  const put: FileSystem["put"] = async (write) => {
    const [error] = putRecordsNow([write], calls);
    if (error !== undefined) throw error;
  };
  return {
    ...asking(
      disk,
      (work) =>
        async (...args) =>
          work(...args),
    ),
    put,
  };
}

/** What reading each id gives: `ok`, `none`, or the code of the error. */
export async function readings(store: Store, ids: string[]): Promise<Record<string, string>> {
  const found = ids.map(async (id): Promise<[string, string]> => {
    const answer = store.threads.get(id).then((record) => (record === undefined ? "none" : "ok"));
    return [id, await answer.catch(({ code, status }) => `${status} ${code}`)];
  });
  return Object.fromEntries(await Promise.all(found));
}

/** Of the files with this ending; none where the folder is not there. */
export function namesIn(folder: string, ending: string): string[] {
  return existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(ending)) : [];
}
