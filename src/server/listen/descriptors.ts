// How many files and connections this process may have open, and has: each is one descriptor.
import { readdirSync, readFileSync } from "node:fs";

/** Connections that fit: half of the descriptors are left to records, models and downloads. */
export function connectionsThatFit(most: number): number {
  return Math.min(most, Math.floor(descriptorLimit() / 2));
}

/** `Infinity` where the system does not say it in a file. */
function descriptorLimit(): number {
  try {
    const limits = readFileSync("/proc/self/limits", "utf8");
    return Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? Infinity);
  } catch {
    return Infinity;
  }
}

/** `Infinity` where not one more can be had, 0 where the system does not list them. */
export function openDescriptors(): number {
  try {
    return readdirSync("/dev/fd").length;
  } catch (error) {
    return isShortage(error) ? Infinity : 0;
  }
}

export function isShortage(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "EMFILE" || error.code === "ENFILE");
}
