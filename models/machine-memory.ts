// How much memory this machine has, and how much of it is free, within the limits of a container.
import { readFileSync } from "node:fs";
import { freemem, platform, totalmem } from "node:os";

/**
 * Bytes that can still be taken without swapping: what Linux calls available, bounded by the limits of the control groups (of
 * version 1 and 2) that this process is in. The page cache counts as free: the system gives it back on demand.
 */
export function availableMemory(machine: MemoryProbe = THIS_MACHINE): number {
  const left = cgroupLimits(machine).map(({ most, used }) => Math.max(0, most - used));
  return Math.min(machineAvailable(machine), ...left);
}

/** Bytes of memory, bounded by the limits of the control groups. */
export function totalMemory(machine: MemoryProbe = THIS_MACHINE): number {
  return Math.min(machine.totalmem(), ...cgroupLimits(machine).map(({ most }) => most));
}

/** Where the figures come from, in bytes. Tests bring their own. */
export type MemoryProbe = typeof THIS_MACHINE;

const THIS_MACHINE = {
  /** The text of a file; undefined where it cannot be read. */
  read(path: string): string | undefined {
    try {
      return readFileSync(path, "utf8");
    } catch {
      return undefined;
    }
  },
  freemem,
  totalmem,
  platform,
};

function machineAvailable({ read, freemem, totalmem, platform }: MemoryProbe): number {
  const kilobytes = /^MemAvailable:\s*(\d+) kB$/m.exec(read("/proc/meminfo") ?? "")?.[1];
  if (kilobytes !== undefined) return Number(kilobytes) * 1024;
  // macOS keeps files in nearly all of its memory, and reports next to nothing as free.
  return platform() === "darwin" ? Math.max(freemem(), 0.75 * totalmem()) : freemem();
}

type CgroupFiles = typeof VERSION_1;
type CgroupLimit = { most: number; used: number };

const VERSION_1 = {
  folder: "/sys/fs/cgroup/memory",
  most: "memory.limit_in_bytes",
  used: "memory.usage_in_bytes",
  cached: /^total_(?:in)?active_file (\d+)$/gm,
};
const VERSION_2: CgroupFiles = {
  folder: "/sys/fs/cgroup",
  most: "memory.max",
  used: "memory.current",
  cached: /^(?:in)?active_file (\d+)$/gm,
};

/** The limits of every control group from this process's own up to the root: each bounds those below it. */
function cgroupLimits({ read }: MemoryProbe): CgroupLimit[] {
  const lines = (read("/proc/self/cgroup") ?? "").split("\n").map((line) => /^\d+:([^:]*):(\/.*)$/.exec(line));
  return lines.flatMap((line) => {
    const [, controllers = "", path = ""] = line ?? [];
    if (line === null || !(controllers === "" || controllers.split(",").includes("memory"))) return [];
    const files = controllers === "" ? VERSION_2 : VERSION_1;
    return ancestorsOf(path).flatMap((group) => limitOf(read, files, `${files.folder}${group}`));
  });
}

/** "/a/b" gives "/a/b", "/a" and "". In a container the path may be the host's, and only the root exists. */
function ancestorsOf(path: string): string[] {
  const names = path.split("/").filter((name) => name !== "");
  return [...names, ""].map((_, index) => ["", ...names.slice(0, names.length - index)].join("/"));
}

function limitOf(read: MemoryProbe["read"], { most, used, cached }: CgroupFiles, folder: string): CgroupLimit[] {
  const bytes = Number.parseInt(read(`${folder}/${most}`) ?? "", 10);
  // "max", or no such file: no limit here.
  if (Number.isNaN(bytes)) return [];
  const files = [...(read(`${folder}/memory.stat`) ?? "").matchAll(cached)].reduce((sum, [, count]) => sum + Number(count), 0);
  return [{ most: bytes, used: Math.max(0, Number.parseInt(read(`${folder}/${used}`) ?? "0", 10) - files) }];
}
