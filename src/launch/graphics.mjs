// @ts-self-types="./graphics.d.mts"
// Which graphics cards a machine can compute on, found before anything is installed: by what the system says of its devices and drivers.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** @typedef {import("./graphics.d.mts").Disk} Disk */

const PCI = "/sys/bus/pci/devices";
/** Makers of cards that compute, by their numbers in the PCI registry. Cards that only show the console of a server, or of a virtual machine, have others. */
const VENDORS = { nvidia: "0x10de", amd: "0x1002", intel: "0x8086" };
/** Display controllers, and the accelerators that have no socket for a screen. */
const COMPUTES = /^0x(03|12)/;
const LIBRARIES = ["/usr/lib", "/usr/lib64", "/lib", "/lib64", "/usr/local/lib", "/usr/lib/x86_64-linux-gnu", "/usr/lib/wsl/lib"];

/**
 * What to install for the cards of this machine. Apple's are part of the system, and for other processors than x64 there are no builds.
 * @type {typeof import("./graphics.d.mts").findGraphics}
 */
export function findGraphics({ platform, arch, disk = DISK, system_root = process.env["SystemRoot"] ?? "C:\\Windows" }) {
  if (arch !== "x64") return [];
  if (platform === "win32")
    return fromDrivers(disk, join(system_root, "System32", "nvcuda.dll"), join(system_root, "System32", "vulkan-1.dll"));
  return platform === "linux" ? onLinux(disk) : [];
}

/** A card counts once its driver is there: without it nothing computes on it. Windows under Windows shows its cards as /dev/dxg alone. */
function onLinux(/** @type {Disk} */ disk) {
  const vendors = cardVendors(disk);
  const hasLibrary = (/** @type {string} */ name) => LIBRARIES.some((folder) => disk.exists(`${folder}/${name}`));
  const is_nvidia = vendors.includes(VENDORS.nvidia) || disk.exists("/dev/dxg");
  const others = vendors.some((vendor) => Object.values(VENDORS).includes(vendor));
  return variants(is_nvidia && hasLibrary("libcuda.so.1"), others && hasLibrary("libvulkan.so.1"));
}

/** Windows itself puts these files there with the driver of a card. */
const fromDrivers = (/** @type {Disk} */ disk, /** @type {string} */ cuda, /** @type {string} */ vulkan) =>
  variants(disk.exists(cuda), disk.exists(vulkan));

/** Vulkan stands in where a driver is too old for CUDA. @returns {import("./needed-packages.d.mts").Graphics[]} */
function variants(/** @type {boolean} */ cuda, /** @type {boolean} */ vulkan) {
  return [...(cuda ? /** @type {const} */ (["cuda"]) : []), ...(vulkan ? /** @type {const} */ (["vulkan"]) : [])];
}

/** @param {Disk} disk */
function cardVendors(disk) {
  const devices = disk.list(PCI).map((name) => `${PCI}/${name}`);
  return devices
    .filter((device) => COMPUTES.test(disk.read(`${device}/class`)))
    .map((device) => disk.read(`${device}/vendor`).trim());
}

/** @type {Disk} */
const DISK = {
  exists: existsSync,
  list: (path) => orElse([], () => readdirSync(path)),
  read: (path) => orElse("", () => readFileSync(path, "utf8")),
};

/**
 * @template Found
 * @param {Found} otherwise
 * @param {() => Found} look
 */
function orElse(otherwise, look) {
  try {
    return look();
  } catch {
    return otherwise;
  }
}
