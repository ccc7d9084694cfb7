// Checks of the data folder, its disk, the cache and the port.
import { constants, readdir, stat, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Config } from "../../server/settings.ts";
import { formatBytes } from "../../support/quantities.ts";
import { LOCK_FILE, MARKER } from "../../storage/file-names.ts";
import { holderOf } from "../../storage/lock/folder-lock.ts";
import { LockedError } from "../../storage/lock/holder.ts";
import { findFreePort, findPortOwner, listenErrorCode } from "../port.ts";
import { findingsAbout, isAccessible, type Finding } from "./finding.ts";

/** File systems by their numbers on Linux (`man 2 statfs`); other systems have other numbers. */
const FILE_SYSTEMS: Record<number, string> = {
  ...{ 0xef53: "ext4", 0x58465342: "xfs", 0x9123683e: "btrfs", 0x2fc12fc1: "zfs", 0xf2f52010: "f2fs", 0x4d44: "vfat" },
  ...{ 0x6969: "nfs", 0xff534d42: "cifs", 0xfe534d42: "smb", 0x01021997: "9p" },
  ...{ 0x65735546: "fuse", 0x794c7630: "overlay", 0x01021994: "tmpfs" },
};
const VOLATILE: Record<string, string> = {
  tmpfs: "it is in memory and gone when the machine ends",
  overlay: "it is part of a container and gone with it, unless a volume is mounted there",
};
const LOW_BYTES = 2e9;

export async function checkDataFolder({ data, no_init }: Config): Promise<Finding[]> {
  const stats = await stat(data).catch(() => undefined);
  const disk = (path: string): Promise<Finding> => checkDisk("disk of the data folder", path);
  if (stats === undefined) return [await checkMissingFolder(data, no_init), await disk(await nearestFolder(data))];
  if (!stats.isDirectory()) return [folder.broken(`${data} is not a folder`, "ingle serve --data FOLDER")];
  return [await checkAccess(data, stats.mode), await checkLock(data), await disk(data)];
}

const folder = findingsAbout("data folder");

async function checkMissingFolder(data: string, no_init: boolean): Promise<Finding> {
  if (no_init) return folder.broken(`${data} is not there, and --no-init forbids to make it`, "Mount its disk.");
  if (await isAccessible(await nearestFolder(data), constants.W_OK)) return folder.good(`${data} is made at the first start`);
  return folder.broken(`${data} is not there, and this user may not make it`, "ingle serve --data FOLDER");
}

/** The nearest folder above that exists. */
async function nearestFolder(path: string): Promise<string> {
  const above = dirname(path);
  return (await isAccessible(above, constants.F_OK)) || above === path ? above : nearestFolder(above);
}

async function checkAccess(data: string, mode: number): Promise<Finding> {
  if (!(await isAccessible(data, constants.R_OK | constants.W_OK | constants.X_OK)))
    return folder.broken(`this user may not write to ${data}`, `chown -R ${process.getuid?.() ?? "USER"} ${data}`);
  const names = await readdir(data);
  const kind = names.includes(MARKER) ? "" : names.length === 0 ? ", empty" : `, without ${MARKER}`;
  const open = (mode & 0o077) !== 0 && process.platform !== "win32";
  const says = `${data}${kind}, mode ${(mode & 0o777).toString(8)}`;
  return open ? folder.missing(`${says}: other users can look into it`, `chmod 700 ${data}`) : folder.good(says);
}

async function checkLock(data: string): Promise<Finding> {
  const holder = await holderOf(join(data, LOCK_FILE));
  return findingsAbout("lock").good(holder === undefined ? "free" : new LockedError(holder).message);
}

async function checkDisk(about: string, path: string): Promise<Finding> {
  const { good, missing } = findingsAbout(about);
  const { type, bavail, bsize } = await statfs(path);
  const kind = process.platform === "linux" ? FILE_SYSTEMS[type] : undefined;
  const says = `${formatBytes(bavail * bsize)} are free${kind ? ` on ${kind}` : ""}`;
  if (bavail * bsize < LOW_BYTES) return missing(`${says}: too little for most models`, "ingle rm MODEL");
  const volatile = VOLATILE[kind ?? ""];
  return volatile ? missing(`${says}: ${volatile}`) : good(says);
}

export async function checkCache(cache: string): Promise<Finding[]> {
  const { good, missing } = findingsAbout("cache");
  const place = (await isAccessible(cache, constants.F_OK)) ? cache : await nearestFolder(cache);
  if (await isAccessible(place, constants.W_OK)) return [good(cache), await checkDisk("disk of the cache", place)];
  return [missing(`this user may not write to ${place}`, "Set XDG_CACHE_HOME to a folder of your own.")];
}

export async function checkPort({ host, port, data }: Config): Promise<Finding> {
  const { good, broken } = findingsAbout("port");
  if (port === 0) return good("a free one is taken");
  const address = host.replace(/^\[(.*)\]$/, "$1");
  const code = await listenErrorCode(address, port);
  if (code === undefined) return good(`${port} on ${host} is free`);
  if (code !== "EADDRINUSE")
    return broken(`${host}, port ${port} cannot be had (${code})`, "ingle serve --host 127.0.0.1 --port 1337");
  const holder = await holderOf(join(data, LOCK_FILE));
  if (holder?.url?.endsWith(`:${port}`)) return good(`${port} is taken by the ingle that works in the data folder`);
  const { name } = await findPortOwner(address, port);
  return broken(`${port} on ${host} is taken by ${name}`, `ingle serve --port ${await findFreePort(address, port)}`);
}
