// Fills node_modules of a clone. Plain JavaScript on the modules of every runtime, since nothing is installed yet.
import { createRequire } from "node:module";
import { copyFileSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findGraphics } from "./graphics.mjs";
import { npmCommand } from "./npm.mjs";
import { pruneNode } from "./prune-node.mjs";
import { RUNTIMES, runtimesToInstall } from "./runtimes.mjs";
import { isLarge, nameOf, reducedLock, neededPackages } from "./needed-packages.mjs";

const require = createRequire(import.meta.url);
const root = fileURLToPath(new URL("../..", import.meta.url));

/** @typedef {import("./needed-packages.d.mts").Lock} Lock */
/** @typedef {import("./needed-packages.d.mts").Packages} Packages */

/**
 * Brings node_modules in line with package-lock.json: what this machine needs is added, what is there stays. A few milliseconds and no network
 * when it already is. An ingle that was itself installed as a package has no lock file and is left alone.
 * @param {{ dev?: boolean, runtime?: import("./runtimes.d.mts").RuntimeName, again?: boolean }} [options] `dev`: what tests need too, which is
 * all runtimes. `runtime`: the one that ingle is to run on; absent: the best one that is there. `again`: what could not be had is tried again
 * @returns {number} 0, or the exit code of npm after one sentence on standard error
 */
export function install({ dev = false, runtime, again = false } = {}) {
  const lock = /** @type {Lock | undefined} */ (readJson("package-lock.json"));
  if (!lock) return 0;
  const runtimes = dev ? RUNTIMES : runtimesToInstall(runtime);
  const needed = neededPackages(lock.packages, { dev, runtimes, machine: thisMachine() });
  const installed = /** @type {Partial<Lock>} */ (readJson("node_modules/.package-lock.json") ?? {}).packages ?? {};
  const missing = [...needed].filter((path) => installed[path]?.version !== lock.packages[path]?.version);
  if (missing.length === 0 || (!again && hasTried(missing, lock.packages))) return 0;
  console.error(`Installing ingle's packages into ${join(root, "node_modules")}${dev ? "" : sizeOf(missing, lock.packages)}.`);
  const kept = new Set([...needed, ...Object.keys(installed).filter((path) => lock.packages[path] !== undefined)]);
  const status = installOnly(reducedLock(lock, kept));
  if (status === 0) return noteTried(needed, lock.packages);
  console.error(`ingle's packages could not be installed. Check the network, then run "npm ci" in ${root} to see why.`);
  return status ?? 1;
}

function thisMachine() {
  const { platform, arch, env } = process;
  const graphics = env["INGLE_CPU_ONLY"] === "1" ? [] : findGraphics({ platform, arch });
  return { platform, arch, libc: libcOf(), graphics };
}

/** As npm finds it out. */
function libcOf() {
  const text = readText("/usr/bin/ldd") ?? "";
  return text.includes("musl") ? /** @type {const} */ ("musl") : /** @type {const} */ ("glibc");
}

/**
 * npm can leave out all optional packages or none, but it installs what the lock file lists: so it gets one of what is needed, in a folder
 * beside, from which the packages are moved to their place. What was there stays until then.
 * @param {Lock} lock
 */
function installOnly(lock) {
  const folder = mkdtempSync(join(root, ".ingle-packages-"));
  try {
    writeFileSync(join(folder, "package-lock.json"), JSON.stringify(lock));
    writeFileSync(join(folder, "package.json"), JSON.stringify(lock.packages[""]));
    copyFileSync(join(root, ".npmrc"), join(folder, ".npmrc"));
    const status = cleanInstall(folder);
    if (status !== 0) return status;
    pruneNode(join(folder, "node_modules"));
    rmSync(join(root, "node_modules"), { recursive: true, force: true });
    renameSync(join(folder, "node_modules"), join(root, "node_modules"));
    return 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * @param {string} cwd a folder with a lock file
 * @returns {number | null} the exit code of npm
 */
function cleanInstall(cwd) {
  // Scripts stay off because every binary we use comes inside a package. The includes undo NODE_ENV=production and a user's
  // own `omit`: tests are run with development dependencies, and the engine's binaries are optional ones.
  const words = "ci --ignore-scripts --include=dev --include=optional --no-audit --no-fund --no-update-notifier --loglevel=error";
  const [program = "", ...args] = [...npmCommand(), ...words.split(" ")];
  // Where nothing is missing, the start is spared this module.
  const { spawnSync } = /** @type {typeof import("node:child_process")} */ (require("node:child_process"));
  return spawnSync(program, args, { cwd, shell: process.platform === "win32" && program === "npm", stdio: ["ignore", 2, 2] })
    .status;
}

const TRIED = "node_modules/.ingle-tried.json";

/**
 * What npm passed over, since it is optional, is not asked for again at every start. The list goes with node_modules.
 * @param {string[]} missing
 * @param {Packages} packages
 */
function hasTried(missing, packages) {
  const tried = /** @type {string[]} */ (readJson(TRIED) ?? []);
  return missing.every((path) => tried.includes(`${path}@${packages[path]?.version}`));
}

/**
 * @param {Set<string>} needed
 * @param {Packages} packages
 */
function noteTried(needed, packages) {
  const tried = [...needed].filter((path) => packages[path]?.optional).map((path) => `${path}@${packages[path]?.version}`);
  writeFileSync(join(root, TRIED), JSON.stringify(tried));
  return 0;
}

/**
 * What is about to be fetched, by the table that `npm run sizes` makes. npm itself keeps a copy in its cache.
 * @param {string[]} missing
 * @param {Packages} packages
 */
function sizeOf(missing, packages) {
  const table = /** @type {Record<string, [number, number]>} */ (readJson("src/launch/package-sizes.json") ?? {});
  const large = missing.filter((path) => isLarge(nameOf(path)));
  const specifiers = large.map((path) => `${nameOf(path)}@${packages[path]?.version}`);
  const rows = [...specifiers, ...(missing.length > large.length ? ["rest"] : [])].map((name) => table[name]);
  const sum = (/** @type {0 | 1} */ index) => Math.round(rows.reduce((total, row) => total + (row?.[index] ?? 0), 0) / 1e6);
  const least = rows.includes(undefined) ? "at least " : "";
  return `: ${least}${sum(0)} MB to fetch, ${sum(1)} MB on the disk`;
}

/** @param {string} path */
function readJson(path) {
  const text = readText(join(root, path));
  return text === undefined ? undefined : JSON.parse(text);
}

/** @param {string} path */
function readText(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
