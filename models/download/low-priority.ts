import { platform, setPriority } from "node:os";

/**
 * Lets other threads go first where there are too few processors for all. Only Linux lowers the calling thread alone
 * (https://man7.org/linux/man-pages/man2/setpriority.2.html); elsewhere nothing is done.
 */
export function lowerPriority(): void {
  if (platform() !== "linux") return;
  try {
    setPriority(0, 5);
  } catch {
    // A sandbox may forbid it.
  }
}
