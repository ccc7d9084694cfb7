// Fills node_modules of a clone. Plain JavaScript on Node's own modules, since nothing is installed yet.
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

/**
 * Brings node_modules in line with package-lock.json; a few milliseconds and no network when it already is.
 * An ingle that was itself installed as a package has no lock file and is left alone.
 * @param {{ dev?: boolean }} [options] `dev`: what only tests need counts as missing too
 * @returns {number} 0, or the exit code of npm after one sentence on standard error
 */
export function install({ dev = false } = {}) {
  const required = packages("package-lock.json");
  if (!required || covers(packages("node_modules/.package-lock.json") ?? {}, required, dev)) return 0;
  console.error(`Installing ingle's packages into ${join(root, "node_modules")} (npm ci).`);
  const status = process.env["INGLE_CPU_ONLY"] === "1" ? cleanInstallWithoutGpu() : cleanInstall(root);
  if (status === 0) return 0;
  console.error(`ingle's packages could not be installed. Check the network, then run "npm ci" in ${root} to see why.`);
  return status ?? 1;
}

/**
 * @param {string} cwd a folder with a lock file
 * @returns {number | null} the exit code of npm
 */
function cleanInstall(cwd) {
  // Scripts stay off because every binary we use comes inside a package. The includes undo NODE_ENV=production and a user's
  // own `omit`: bun is a development dependency, and the engine's binaries are optional ones.
  const command = "npm ci --ignore-scripts --include=dev --include=optional --no-audit --no-fund --loglevel=error";
  return spawnSync(command, { cwd, shell: true, stdio: ["ignore", 2, 2] }).status;
}

/** Nine tenths of what node-llama-cpp brings along, and of no use without a graphics card. */
const FOR_GPUS = /^@node-llama-cpp\/.*-(cuda|cuda-ext|vulkan)$/;

/**
 * npm can leave out all optional packages or none, but it installs what the lock file lists: so it gets one without those for graphics
 * cards, in a folder beside, from which the packages are moved to their place.
 */
function cleanInstallWithoutGpu() {
  const folder = mkdtempSync(join(root, ".cpu-only-"));
  try {
    const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
    for (const [path, { optionalDependencies = {} }] of Object.entries(lock.packages)) {
      if (FOR_GPUS.test(path.replace(/^.*node_modules\//, ""))) delete lock.packages[path];
      for (const name of Object.keys(optionalDependencies)) if (FOR_GPUS.test(name)) delete optionalDependencies[name];
    }
    writeFileSync(join(folder, "package-lock.json"), JSON.stringify(lock));
    for (const name of ["package.json", ".npmrc"]) copyFileSync(join(root, name), join(folder, name));
    const status = cleanInstall(folder);
    if (status === 0) {
      rmSync(join(root, "node_modules"), { recursive: true, force: true });
      renameSync(join(folder, "node_modules"), join(root, "node_modules"));
    }
    return status;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * @param {string} lockfile
 * @returns {Record<string, { version?: string, dev?: boolean, optional?: boolean, devOptional?: boolean }> | undefined}
 */
function packages(lockfile) {
  try {
    return JSON.parse(readFileSync(join(root, lockfile), "utf8")).packages;
  } catch {
    return undefined;
  }
}

// Versions rather than file times: a checkout, a copy and a cache restored by a build machine all change the times.
/**
 * @param {NonNullable<ReturnType<typeof packages>>} installed
 * @param {NonNullable<ReturnType<typeof packages>>} required
 * @param {boolean} dev
 */
function covers(installed, required, dev) {
  return Object.entries(required).every(([path, { version, ...entry }]) => {
    if (path === "") return true;
    const found = installed[path];
    if (found) return found.version === version;
    return entry.optional || entry.devOptional || (entry.dev && !dev);
  });
}
