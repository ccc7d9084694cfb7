// Fills node_modules of a clone. Plain JavaScript on Node's own modules: it runs before anything is installed.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * Brings node_modules in line with package-lock.json; a few milliseconds and no network when it already is.
 * An ingle that was itself installed as a package has no lock file and is left alone.
 * @param {{ dev?: boolean }} [options] `dev`: what only tests need counts as missing too
 * @returns {number} 0, or the exit code of npm after one sentence on standard error
 */
export function install({ dev = false } = {}) {
  const wanted = packages("package-lock.json");
  if (!wanted || covers(packages("node_modules/.package-lock.json") ?? {}, wanted, dev)) return 0;
  console.error(`Installing ingle's packages into ${join(root, "node_modules")} (npm ci).`);
  // Scripts stay off because every binary we use comes inside a package. The includes undo NODE_ENV=production and a user's
  // own `omit`: bun is a development dependency, and the engine's binaries are optional ones.
  const command = "npm ci --ignore-scripts --include=dev --include=optional --no-audit --no-fund --loglevel=error";
  const { status } = spawnSync(command, { cwd: root, shell: true, stdio: ["ignore", 2, 2] });
  if (status === 0) return 0;
  console.error(`ingle's packages could not be installed. Check the network, then run "npm ci" in ${root} to see why.`);
  return status ?? 1;
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
 * @param {NonNullable<ReturnType<typeof packages>>} wanted
 * @param {boolean} dev
 */
function covers(installed, wanted, dev) {
  return Object.entries(wanted).every(([path, { version, ...entry }]) => {
    if (path === "") return true;
    const found = installed[path];
    if (found) return found.version === version;
    return entry.optional || entry.devOptional || (entry.dev && !dev);
  });
}
