// The graphics cards of this machine, as an engine sees them, and whether it is worth asking one.
import { existsSync, readdirSync } from "node:fs";
import { platform } from "node:os";
import { join } from "node:path";

/** A device that an engine computes on beside the processor. In bytes. */
export interface GraphicsCard {
  /** What its maker calls it. */
  name: string;
  total_bytes: number;
  free_bytes: number;
  /** Its memory is a part of the machine's: what lies there is taken from both. */
  unified: boolean;
}

/** What looks for files; tests bring their own. */
export interface SignProbe {
  platform: string;
  exists(path: string): boolean;
  /** Names within a folder; empty where there is none. */
  list(folder: string): string[];
}

// Deno may withhold what it is not told to permit: then it throws.
const THIS_MACHINE: SignProbe = {
  platform: platform(),
  exists: (path) => orElse(false, () => existsSync(path)),
  list: (folder) => orElse([], () => readdirSync(folder)),
};

function orElse<T>(usual: T, look: () => T): T {
  try {
    return look();
  } catch {
    return usual;
  }
}

/**
 * What speaks for a card: files of drivers, or the system. Where there is nothing, an engine that starts slowly need not be asked. Windows has the
 * files of drivers with any screen, and a Mac has Metal.
 */
export function graphicsSigns({ platform, exists, list }: SignProbe = THIS_MACHINE): string[] {
  if (platform === "darwin") return ["Metal"];
  if (platform === "win32") return ["nvcuda.dll", "vulkan-1.dll", "amdhip64.dll"].filter((name) => exists(join(SYSTEM32, name)));
  const drivers = ["/dev/nvidiactl", "/dev/kfd", "/dev/dxg"].filter(exists);
  // A screen without a processor of its own is a `card` and no `renderD`.
  const render = list("/dev/dri").some((name) => name.startsWith("renderD"));
  return [...drivers, ...(render ? ["/dev/dri"] : [])];
}

const SYSTEM32 = "C:\\Windows\\System32";

/** The cards with so many bytes less that are free, taken of each in the proportion in which an engine spreads its layers. */
export function cardsBeside(cards: readonly GraphicsCard[], held_bytes: number): GraphicsCard[] {
  const free = cards.reduce((sum, { free_bytes }) => sum + free_bytes, 0);
  const left = free === 0 ? 0 : Math.max(0, 1 - held_bytes / free);
  return cards.map((card) => ({ ...card, free_bytes: Math.floor(card.free_bytes * left) }));
}
