import type { RuntimeName } from "./runtimes.mjs";

/** The packages of a lock file, by their paths such as `node_modules/hono`; the one at `""` is ours. */
export type Packages = Record<string, Entry>;

interface Entry {
  version?: string;
  dev?: boolean;
  devOptional?: boolean;
  optional?: boolean;
  integrity?: string;
  /** One name, or a list of them; absent: it fits everywhere. */
  os?: string | string[];
  cpu?: string | string[];
  libc?: string | string[];
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, { optional?: boolean }>;
}

export interface Lock {
  packages: Packages;
}

export interface Machine {
  /** As Node names them. */
  platform: string;
  arch: string;
  libc: "glibc" | "musl";
  graphics: readonly Graphics[];
}

/** What computes on a graphics card, where that is no part of the system. */
export type Graphics = "cuda" | "vulkan";

export interface Needs {
  /** True: what only tests need too. */
  dev?: boolean;
  /** Those that are to come as packages. */
  runtimes: readonly RuntimeName[];
  machine: Machine;
}

/** Paths of the packages that are to be installed. */
export declare function neededPackages(packages: Packages, needed: Needs): Set<string>;
/** The lock file with only those packages, from which npm installs them and no others. */
export declare function reducedLock<Whole extends Lock>(lock: Whole, kept: ReadonlySet<string>): Whole;
/** True for the packages that make up the size of an installation. */
export declare function isLarge(name: string): boolean;
/** The name of a package by its path. */
export declare function nameOf(path: string): string;
