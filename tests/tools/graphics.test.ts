// Which builds for graphics cards a machine gets, by made disks of machines that are not here.
import { describe, expect, test } from "bun:test";
import { findGraphics, type Disk } from "../../src/launch/graphics.mjs";

/** A disk with these PCI devices, each "class vendor", and these files. */
function disk(devices: string[], files: string[] = []): Disk {
  const PCI = "/sys/bus/pci/devices";
  const texts = new Map<string, string>(
    devices.flatMap((device, index) => {
      const [kind = "", vendor = ""] = device.split(" ");
      return [
        [`${PCI}/0000:00:0${index}.0/class`, `${kind}\n`],
        [`${PCI}/0000:00:0${index}.0/vendor`, `${vendor}\n`],
      ] as const;
    }),
  );
  return {
    exists: (path) => files.includes(path),
    list: (path) => (path === PCI ? devices.map((_, index) => `0000:00:0${index}.0`) : []),
    read: (path) => texts.get(path) ?? "",
  };
}

const [NETWORK, NVIDIA, H200, AMD, INTEL] = [
  "0x020000 0x8086",
  "0x030000 0x10de",
  "0x030200 0x10de",
  "0x030000 0x1002",
  "0x038000 0x8086",
];
const [SERVER, VIRTUAL] = ["0x030000 0x1a03", "0x030000 0x1234"];
const CUDA = "/usr/lib/x86_64-linux-gnu/libcuda.so.1";
const VULKAN = "/usr/lib/x86_64-linux-gnu/libvulkan.so.1";

describe("on Linux", () => {
  test.each([
    ["no card", [NETWORK], [], []],
    ["no card, and libraries", [NETWORK], [CUDA, VULKAN], []],
    ["the screen of a server", [NETWORK, SERVER], [VULKAN], []],
    ["the screen of a virtual machine", [VIRTUAL], [VULKAN], []],
    ["an NVIDIA card without its driver", [NVIDIA], [], []],
    ["an NVIDIA card", [NETWORK, NVIDIA], [CUDA], ["cuda"]],
    ["an NVIDIA card with Vulkan too", [NVIDIA], [CUDA, VULKAN], ["cuda", "vulkan"]],
    ["an NVIDIA card with the free driver", [NVIDIA], [VULKAN], ["vulkan"]],
    ["a card without a socket for a screen", [SERVER, H200], ["/usr/lib64/libcuda.so.1"], ["cuda"]],
    ["an AMD card", [AMD], [VULKAN], ["vulkan"]],
    ["a processor of Intel with graphics", [INTEL], [VULKAN], ["vulkan"]],
    ["the same without Vulkan", [INTEL], [], []],
  ])("%s", (_, devices, files, found) => {
    expect<unknown>(findGraphics({ platform: "linux", arch: "x64", disk: disk(devices, files) })).toEqual(found);
  });

  test("below Windows, where the card is no PCI device", () => {
    const files = ["/dev/dxg", "/usr/lib/wsl/lib/libcuda.so.1"];
    expect(findGraphics({ platform: "linux", arch: "x64", disk: disk([], files) })).toEqual(["cuda"]);
  });

  test("other processors have no such builds", () => {
    expect(findGraphics({ platform: "linux", arch: "arm64", disk: disk([NVIDIA], [CUDA]) })).toEqual([]);
  });
});

test("Windows has the files of a driver in its own folder", () => {
  const found = (...files: string[]) => {
    const exists = (path: string): boolean => files.some((name) => path.startsWith("C:") && path.endsWith(name));
    return findGraphics({ platform: "win32", arch: "x64", system_root: "C:/Windows", disk: { ...disk([]), exists } });
  };
  expect(found()).toEqual([]);
  expect(found("nvcuda.dll", "vulkan-1.dll")).toEqual(["cuda", "vulkan"]);
  expect(found("vulkan-1.dll")).toEqual(["vulkan"]);
});

test("macOS brings its own", () => {
  for (const arch of ["arm64", "x64"])
    expect(findGraphics({ platform: "darwin", arch, disk: disk([AMD], [VULKAN]) })).toEqual([]);
});
