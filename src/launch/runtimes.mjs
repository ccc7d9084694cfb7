// @ts-self-types="./runtimes.d.mts"
// Where Bun, Node and Deno are, and how each of them runs a TypeScript file of ours.
import { accessSync, constants, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { devNull, homedir } from "node:os";
import { delimiter, dirname, isAbsolute, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { fits, isNodeThatFits } from "./node-version.mjs";

const { platform, arch } = process;
const require = createRequire(import.meta.url);
const root = fileURLToPath(new URL("../..", import.meta.url).href);
const exe = platform === "win32" ? ".exe" : "";

/** In the order of preference. */
export const RUNTIMES = /** @type {const} */ (["bun", "node", "deno"]);

/**
 * The command of a runtime, without the script: `[binary, ...flags]`. Undefined where this machine has none that fits.
 * @param {(typeof RUNTIMES)[number]} name
 * @returns {string[] | undefined}
 */
export function findRuntime(name) {
  const binary = BINARY[name]();
  return binary ? [binary, ...FLAGS[name]] : undefined;
}

/**
 * The runtimes that have to come as packages, since this machine has none that fits: the one to run on, and a Node, on which engines
 * compute fastest.
 * @param {(typeof RUNTIMES)[number]} [chosen] absent: Bun where there is one, else Node
 * @returns {(typeof RUNTIMES)[number][]}
 */
export function runtimesToInstall(chosen = findRuntime("bun") ? "bun" : "node") {
  return [...new Set([chosen, /** @type {const} */ ("node")])].filter((name) => ELSEWHERE[name]() === undefined);
}

/**
 * What a runtime is to find in its environment besides what is there. Node keeps the JavaScript that it makes of our TypeScript:
 * otherwise every start takes the time, and 30 MB, for the compiler. Bun would take an empty cache and one in `~`, which no shell has
 * read, for folders in the working folder. Deno ends where it finds no home folder.
 * @param {(typeof RUNTIMES)[number]} name
 * @returns {Record<string, string>}
 */
export function runtimeEnv(name) {
  const { XDG_CACHE_HOME: given, NODE_COMPILE_CACHE: kept } = process.env;
  const home = homeFolder();
  const named = (given || "~/.cache").replace(/^~(?=[/\\]|$)/, () => home ?? NO_HOME);
  const cache = resolve(named);
  return {
    ...(home === undefined && { HOME: NO_HOME }),
    ...(given !== undefined && /^$|^~([/\\]|$)/.test(given) && { XDG_CACHE_HOME: cache }),
    ...(name === "node" && !kept && isAbsolute(named) && { NODE_COMPILE_CACHE: join(cache, "ingle", "node") }),
    // A relative cache is refused by the program, and its runtime would make that folder before.
    ...(name === "bun" && !isAbsolute(named) && { BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0" }),
    ...(name === "deno" && !isAbsolute(named) && { DENO_DIR: join(home ?? NO_HOME, ".cache/deno") }),
  };
}

/** As Debian names the home of accounts that have none. */
const NO_HOME = "/nonexistent";

/** Undefined for an account that has none. */
function homeFolder() {
  try {
    return homedir();
  } catch {
    return undefined;
  }
}

// npm installs only the variant that fits the machine's C library, so the first one that is there is the right one. The
// packages called `bun` and `deno` hold no binary until their install scripts ran, and those are refused.
const BINARY = {
  bun: () => packaged(bunPackages(), `bin/bun${exe}`) ?? ELSEWHERE.bun(),
  node: () =>
    ownNode() ??
    packaged([`node-${platform === "win32" ? "win" : platform}-${arch}`, `node-bin-${platform}-${arch}`], `bin/node${exe}`) ??
    nodeOnPath(),
  deno: () => packaged([`@deno/${platform}-${arch}`, `@deno/${platform}-${arch}-glibc`], `deno${exe}`) ?? ELSEWHERE.deno(),
};

/** Not among the packages. */
const ELSEWHERE = {
  bun: () => (process.versions.bun ? process.execPath : findOnPath("bun")),
  node: () => ownNode() ?? nodeOnPath(),
  deno: () => (process.versions.deno ? process.execPath : findOnPath("deno")),
};

const ownNode = () => (isNodeThatFits() ? process.execPath : undefined);

/** Asked for its version, once: a Node that is too old runs nothing of ours. @returns {string | undefined} */
function nodeOnPath() {
  node_on_path ??= [findOnPath("node")].filter((path) => path !== undefined && fits(versionOf(path)));
  return node_on_path[0];
}

/** @type {(string | undefined)[] | undefined} */
let node_on_path;

/** @param {string} node */
function versionOf(node) {
  // To start the Node that runs this would take a quarter of the time of `ingle --help`.
  if (realpathSync(node) === process.execPath) return process.versions.node;
  // A server that finds its Node among the packages never needs it.
  const { spawnSync } = /** @type {typeof import("node:child_process")} */ (require("node:child_process"));
  return spawnSync(node, ["--version"], { encoding: "utf8" }).stdout?.trim().replace(/^v/, "") ?? "0.0";
}

// Each flag keeps a runtime from reading or fetching what lies in the folder ingle happens to be started in: a bunfig.toml
// there may preload code, an .env file may change settings.
const FLAGS = {
  bun: ["--no-install", "--no-env-file", `--config=${devNull}`],
  node: ["--disable-warning=ExperimentalWarning"],
  deno: ["run", "--allow-all", "--no-prompt", `--config=${join(root, "deno.json")}`],
};

function bunPackages() {
  const os = platform === "win32" ? "windows" : platform;
  const cpu = arch === "arm64" ? "aarch64" : arch;
  return platform === "android"
    ? [`@oven/bun-linux-${cpu}-android`]
    : ["", "-musl"].map((libc) => `@oven/bun-${os}-${cpu}${libc}`);
}

/**
 * @param {string[]} names
 * @param {string} file
 */
function packaged(names, file) {
  return names
    .map((name) => resolved(`${name}/package.json`))
    .map((path) => path && join(dirname(path), file))
    .find(isExecutable);
}

/** @param {string} specifier */
function resolved(specifier) {
  try {
    return require.resolve(specifier);
  } catch {
    return undefined;
  }
}

// npm puts node_modules/.bin first on the PATH of its scripts, and what is there may be a stub without a binary behind it.
/** @param {string} name */
export function findOnPath(name) {
  return (process.env["PATH"] ?? "")
    .split(delimiter)
    .filter((folder) => folder !== "" && !folder.endsWith(join("node_modules", ".bin")))
    .map((folder) => join(folder, name + exe))
    .find(isExecutable);
}

/** @param {string | undefined} path */
function isExecutable(path) {
  try {
    accessSync(path ?? "", constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
