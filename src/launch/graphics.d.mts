import type { Graphics } from "./needed-packages.mjs";

/** What is looked at of a disk; what is not there is empty. */
export interface Disk {
  exists(path: string): boolean;
  /** Names of what lies in a folder. */
  list(path: string): string[];
  read(path: string): string;
}

export interface Place {
  /** As Node names them. */
  platform: string;
  arch: string;
  /** Absent: that of this machine. */
  disk?: Disk;
  /** Folder of Windows; absent: as the environment names it. */
  system_root?: string;
}

export declare function findGraphics(place: Place): Graphics[];
