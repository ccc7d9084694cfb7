// Work that may take its time.
import { platform, setPriority } from "node:os";

/**
 * Lets other threads go first where there are too few processors for all. Only Linux does so for the calling thread alone; elsewhere
 * it would be the whole process, so nothing is done.
 */
export function lowerPriority(): void {
  if (platform() !== "linux") return;
  try {
    setPriority(0, NICE);
  } catch {
    // A sandbox may forbid it.
  }
}

const NICE = 5;
