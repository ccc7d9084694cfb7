// From a folder and the choice of a driver to an open store: the marker, the lock, the driver, and what it guarantees.
import { randomUUID } from "node:crypto";
import { mkdir, readdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import memory from "unstorage/drivers/memory";
import { normalizeKey, type Driver } from "unstorage";
import * as v from "valibot";
import { fsyncFolder } from "../../models/fsync-folder.ts";
import type { Log } from "../support/log/log.ts";
import { chosenDriver, DriverError, guaranteeOf, loadDriver } from "./drivers.ts";
import { systemCodeOf } from "../../models/system-code.ts";
import { DamagedError, unavailable, UncertainWriteError, undefinedIfAbsent } from "./faults.ts";
import { COLLECTIONS, LOCK_FILE, MARKER, NOT_FOREIGN } from "./file-names.ts";
import { identifyFolder, isFolderThere, watchFolders, type FolderIdentity, type IsThere } from "./folder-identity.ts";
import { takeFolderLock, type FolderLock } from "./lock/folder-lock.ts";
import { fsDurable, type FsDurable, type FsDurableOptions } from "./drivers/fs-durable.ts";
import type { Holder } from "./lock/holder.ts";
import { readRegularFile } from "./read-regular-file.ts";
import { putRecordsNow } from "./drivers/fs-durable/record-writes.ts";
import type { DriverChoice } from "./store-path.ts";
import { createPresence, isDoneWithin, type Presence } from "./presence.ts";
import { presentOnly } from "./drivers/present-only.ts";
import { createStore, type Store } from "./store.ts";
import { removeStatesWithoutKey } from "./states-without-key.ts";

/** The folder cannot be used as it is. The sentence says why and what to do. */
export class DataFolderError extends Error {
  override readonly name = "DataFolderError";
}

export interface DataFolderOptions {
  /** Absolute path. */
  folder: string;
  store: string | DriverChoice;
  /** The command that opens it, for the error of others that find it locked. */
  command: string;
  /** Refuse a folder that is empty or not there, instead of making it one of ours: its disk may not be mounted. */
  no_init?: boolean;
  log: Log;
}

export interface DataFolder {
  store: Store;
  /** What the driver keeps of what was acknowledged, as a sentence. */
  guarantee: string;
  /** Absent where nothing is to be written. */
  lock?: FolderLock;
  /** Absent where nothing is to be written. */
  presence?: Presence;
  close(): Promise<void>;
}

const Marker = v.object({ format: v.number() });
/** Number of the folder's layout: a higher one is left to a newer ingle. */
const FORMAT = 1;

/** Opens a folder to write in it. Throws `DataFolderError`, `DriverError` and `LockedError`. */
export async function openDataFolder(options: DataFolderOptions): Promise<DataFolder> {
  const { folder, log, command } = options;
  const choice = chosenDriver(options.store);
  await prepareFolder(options);
  const onLost = (holder: Holder | undefined): void => {
    store?.keepInMemory(false);
    log.error("the data folder was taken by another process: nothing is written any more", { pid: holder?.pid });
  };
  let store: Store | undefined;
  let isThere: IsThere = async () => true;
  const lock = await takeFolderLock(join(folder, LOCK_FILE), { command, onLost, isThere: () => isThere() }).catch((error) =>
    throwUnusable(folder, error),
  );
  try {
    await ensureMarker(folder);
    const home = await identifyFolder(folder, MARKER);
    const driver = await openDriver(choice, { base: folder, marker: MARKER, token: lock.token, home });
    if (choice.driver !== "fs-durable") await probeDriver(choice.driver, driver);
    isThere = await watchPlaces(home, choice);
    const answers = choice.driver === "redis" ? () => isDoneWithin(ANSWER_MS, async () => driver.hasItem(PROBE, {})) : undefined;
    const presence = createPresence({ isThere, answers, mayReturn: lock.confirm, log });
    const opened = createStore({
      driver: presentOnly(driver, presence),
      shared: guaranteeOf(choice.driver).shared,
      log,
      assertWritable() {
        if (!lock.held()) throw unavailable("This server does not hold its data folder any more.");
      },
      presence,
    });
    store = opened;
    // The records may be other ones when they are back.
    presence.watch({ away: () => opened.keepInMemory(false), back: () => opened.keepInMemory(true) });
    if (choice.driver === "fs-durable") sweepInBackground(driver as FsDurable, presence, log);
    await removeStatesWithoutKey(folder).catch(({ message }) => log.warn(`saved states of an older ingle stay: ${message}`));
    const close = async (): Promise<void> => {
      presence.close();
      await opened.close();
      await lock.release();
    };
    return { store, guarantee: describeGuarantee(choice, folder), lock, presence, close };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** The data folder, and the folders of its collections or the one of a driver that has a folder of its own. */
async function watchPlaces(home: FolderIdentity, { driver, base }: DriverChoice): Promise<IsThere> {
  if (driver === "fs-durable") {
    const areThere = watchFolders(COLLECTIONS.map((name) => join(home.folder, name)));
    await areThere();
    return async () => (await isFolderThere(home)) && areThere();
  }
  if (!["fs", "fs-lite"].includes(driver)) return () => isFolderThere(home);
  const own = await identifyFolder(resolve(String(base)));
  return async () => (await isFolderThere(home)) && isFolderThere(own);
}

/** Opens a folder to read it, also while another process writes there; one that is not there reads as an empty one. Throws `DriverError`. */
export async function readDataFolder({ folder, store, log }: Omit<DataFolderOptions, "command">): Promise<DataFolder> {
  const choice = chosenDriver(store);
  const there = (await entriesOf(folder)) !== undefined;
  const driver = there || choice.driver !== "fs-durable" ? await openDriver(choice, { base: folder, token: "reader" }) : memory();
  const assertWritable = (): never => {
    throw unavailable("The data folder was opened to be read only.");
  };
  const opened = createStore({ driver, shared: true, log, assertWritable });
  return { store: opened, guarantee: describeGuarantee(choice, folder), close: opened.close };
}

/** Makes the folder, unless it is another program's: a folder that is refused is left untouched. */
async function prepareFolder({ folder, no_init = false }: DataFolderOptions): Promise<void> {
  const names = await entriesOf(folder);
  if (names?.includes(MARKER)) return;
  const foreign = names?.find((name) => !NOT_FOREIGN.test(name));
  if (foreign !== undefined) {
    const reason = `holds "${foreign.slice(0, 60)}" and is not a data folder of ingle`;
    throw new DataFolderError(`The folder ${folder} ${reason}. Choose an empty one with --data.`);
  }
  if (no_init && !names?.includes("models")) {
    const remedy = "Is its disk mounted? Without --no-init it is made one.";
    throw new DataFolderError(`The folder ${folder} is not a data folder of ingle. ${remedy}`);
  }
  try {
    const made = await mkdir(folder, { recursive: true, mode: 0o700 });
    if (made !== undefined) await syncUpTo(dirname(made), dirname(folder));
  } catch (error) {
    throwUnusable(folder, error);
  }
}

/** Syncs every folder from `top` down to `bottom`: each has got a new name in it. */
async function syncUpTo(top: string, bottom: string): Promise<void> {
  if (bottom !== top && bottom !== dirname(bottom)) await syncUpTo(top, dirname(bottom));
  await fsyncFolder(bottom);
}

/** Undefined where there is no folder. */
function entriesOf(folder: string): Promise<string[] | undefined> {
  return readdir(folder)
    .catch(undefinedIfAbsent)
    .catch((error) => throwUnusable(folder, error));
}

async function ensureMarker(folder: string): Promise<void> {
  if (await hasMarker(folder)) return;
  // Named as what may be left in a folder that is not ours yet: where this process ends here, the next one starts afresh.
  const temporary = join(folder, `.${MARKER}.${randomUUID()}.tmp`);
  const bytes = new TextEncoder().encode(`${JSON.stringify({ format: FORMAT })}\n`);
  const [error] = putRecordsNow([{ folders: [], temporary, path: join(folder, MARKER), bytes }]);
  if (error !== undefined) throwUnusable(folder, error instanceof UncertainWriteError ? error.cause : error);
}

/** Whether the folder is one of ingle's. Throws `DataFolderError` for a damaged marker, and for that of a newer ingle. */
export async function hasMarker(folder: string): Promise<boolean> {
  const path = join(folder, MARKER);
  const damaged = new DataFolderError(`${path} is damaged. It should say {"format": ${FORMAT}}.`);
  const text = await readRegularFile(path)
    .catch(undefinedIfAbsent)
    .catch((error) => {
      if (error instanceof DamagedError || systemCodeOf(error) === "EISDIR") throw damaged;
      return throwUnusable(folder, error);
    });
  if (text === undefined) return false;
  const marker = v.safeParse(v.pipe(v.string(), v.parseJson(), Marker), text);
  if (!marker.success) throw damaged;
  const { format } = marker.output;
  if (format <= FORMAT) return true;
  throw new DataFolderError(`The folder ${folder} was written by a newer ingle (format ${format}). Use that one.`);
}

const UNUSABLE: Record<string, string> = {
  EACCES: "it may not be read or written by this user",
  EROFS: "it is on a read-only disk",
  ENOSPC: "its disk is full",
  EDQUOT: "its disk is full, or this user's share of it",
  ENOTDIR: "it is not a folder",
};

/** Throws `DataFolderError` for an error of the system, which says why, and any other one as it is. */
export function throwUnusable(folder: string, cause: unknown): never {
  const code = systemCodeOf(cause);
  if (code === "") throw cause;
  const why = UNUSABLE[code] ?? (cause as Error).message;
  throw new DataFolderError(`The data folder ${folder} cannot be used: ${why}. Mend that, or choose another with --data.`, {
    cause,
  });
}

async function openDriver(choice: DriverChoice, options: FsDurableOptions): Promise<Driver> {
  return choice.driver === "fs-durable" ? fsDurable(options) : loadDriver(choice);
}

/** The time that a driver's server has to answer: with the one between two looks it is less than a second. */
const ANSWER_MS = 600;
const PROBE = "probe:written-at-the-start-and-removed";

/** Writes, lists and removes one value: some drivers drop what is written and say nothing. */
async function probeDriver(name: string, driver: Driver): Promise<void> {
  const token = JSON.stringify({ token: randomUUID() });
  let fault: string | undefined;
  try {
    await driver.setItem!(PROBE, token, {});
    const back = await driver.getItem(PROBE, {});
    const keys = await driver.getKeys("probe:", {});
    await driver.removeItem!(PROBE, {});
    if (back !== token && JSON.stringify(back) !== token) fault = "what is written to it is not there afterwards";
    else if (!keys.some((key) => normalizeKey(key).endsWith(PROBE))) fault = "it does not list what is in it";
    else if (await driver.hasItem(PROBE, {})) fault = "what is removed from it is still there";
  } catch (error) {
    fault = `it reports "${(error as Error).message}"`;
  }
  if (fault === undefined) return;
  await Promise.resolve(driver.dispose?.()).catch(() => {});
  throw new DriverError(name, `cannot be used: ${fault}.`);
}

function describeGuarantee(choice: DriverChoice, folder: string): string {
  const where = choice.driver === "fs-durable" ? ` in ${folder}` : "";
  return `Store: ${choice.driver}${where}, ${guaranteeOf(choice.driver).keeps}.`;
}

const SWEEP_AFTER_MS = 2_000;

/** Sweeps a while after the start, which is not to be slowed down by it. */
function sweepInBackground(driver: FsDurable, { there }: Presence, log: Log): void {
  const run = (): void => {
    if (there()) driver.sweep().catch((cause) => log.warn("old temporary files were not all removed", { cause }));
  };
  setTimeout(run, SWEEP_AFTER_MS).unref();
}
