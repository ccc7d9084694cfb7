// @ts-self-types="./needed-packages.d.mts"
// Which packages of the lock file a machine needs. Pure functions: they are told what the machine is and what is to run on it.

/** Packages of node-llama-cpp's binaries. They name processors that they are not for, and npm takes a graphics card for granted. */
const ENGINE_BUILD = /^@node-llama-cpp\/(linux|mac|win)-([a-z0-9]+?)(?:-metal|-(cuda|vulkan)(?:-ext)?)?$/;
const RUNTIME_BUILD = { bun: /^@oven\/bun-/, deno: /^@deno\//, node: /^node-(bin-)?(linux|darwin|win)-/ };
const SYSTEM = { linux: "linux", darwin: "mac", win32: "win" };

/** @typedef {import("./needed-packages.d.mts").Packages} Packages */

/** @type {typeof import("./needed-packages.d.mts").neededPackages} */
export function neededPackages(packages, { dev = false, runtimes, machine }) {
  const isNeeded = (/** @type {string} */ path) => fits(packages[path], machine) && isForIt(nameOf(path), { runtimes, machine });
  const roots = dev ? Object.keys(packages[""]?.devDependencies ?? {}) : [];
  const pending = [...needs(packages[""]), ...roots, ...Object.keys(packages).map(nameOf).filter(isRuntimeBuild)].map((name) =>
    placeOf(packages, "", name),
  );
  const needed = new Set();
  for (const path of pending) {
    if (path === undefined || needed.has(path) || !isNeeded(path)) continue;
    needed.add(path);
    for (const name of needs(packages[path])) pending.push(placeOf(packages, path, name));
  }
  return needed;
}

/** @type {typeof import("./needed-packages.d.mts").reducedLock} */
export function reducedLock(lock, kept) {
  const { "": root = {} } = lock.packages;
  const isThere = (/** @type {string} */ from) => (/** @type {string} */ name) => {
    const place = placeOf(lock.packages, from, name);
    return place !== undefined && kept.has(place);
  };
  const builds = [...kept].map(nameOf).filter(isRuntimeBuild);
  const versions = builds.map((name) => [name, lock.packages[`node_modules/${name}`]?.version ?? ""]);
  const packages = [...kept].toSorted().map((path) => {
    // What came by way of a package for developers comes by itself now.
    const { dev: _, devOptional: __, ...entry } = lock.packages[path] ?? {};
    return [path, withOnly(entry, "optionalDependencies", isThere(path))];
  });
  const own = withOnly(withOnly(root, "devDependencies", isThere("")), "optionalDependencies", isThere(""));
  const optionalDependencies = { ...own.optionalDependencies, ...Object.fromEntries(versions) };
  return { ...lock, packages: { "": { ...own, optionalDependencies }, ...Object.fromEntries(packages) } };
}

/** Builds for one machine, and the engine's own package: the others weigh some megabytes together. @param {string} name */
export const isLarge = (name) => isRuntimeBuild(name) || name === "node-llama-cpp" || ENGINE_BUILD.test(name);

/** @param {string} path */
export const nameOf = (path) => path.replace(/^.*node_modules\//, "");

const isRuntimeBuild = (/** @type {string} */ name) => Object.values(RUNTIME_BUILD).some((build) => build.test(name));

/**
 * @param {Packages[string] | undefined} entry
 * @param {import("./needed-packages.d.mts").Machine} machine
 */
function fits({ os, cpu, libc } = {}, { platform, arch, ...machine }) {
  const has = (/** @type {string | string[] | undefined} */ names, /** @type {string} */ name) =>
    !names || [names].flat().includes(name);
  return has(os, platform) && has(cpu, arch) && (platform !== "linux" || has(libc, machine.libc));
}

/**
 * @param {string} name
 * @param {Pick<import("./needed-packages.d.mts").Needs, "runtimes" | "machine">} needed
 */
function isForIt(name, { runtimes, machine }) {
  if (isRuntimeBuild(name)) return runtimes.some((runtime) => RUNTIME_BUILD[runtime].test(name));
  const [build, system, arch, graphics] = ENGINE_BUILD.exec(name) ?? [];
  if (build === undefined) return true;
  const is_own = system === SYSTEM[/** @type {keyof typeof SYSTEM} */ (machine.platform)] && arch === machine.arch;
  return is_own && (graphics === undefined || machine.graphics.includes(/** @type {"cuda" | "vulkan"} */ (graphics)));
}

/** Peers that may be absent are only needed where something else wants them. @param {Packages[string] | undefined} entry */
function needs({ dependencies, optionalDependencies, peerDependencies = {}, peerDependenciesMeta = {} } = {}) {
  const peers = Object.keys(peerDependencies).filter((name) => !peerDependenciesMeta[name]?.optional);
  return [...Object.keys({ ...dependencies, ...optionalDependencies }), ...peers];
}

/**
 * Where what lies at `from` finds a package of that name.
 * @param {Packages} packages
 * @param {string} from
 * @param {string} name
 * @returns {string | undefined}
 */
function placeOf(packages, from, name) {
  const here = `${from === "" ? "" : `${from}/`}node_modules/${name}`;
  if (packages[here] !== undefined) return here;
  return from === "" ? undefined : placeOf(packages, from.replace(/\/?node_modules\/(?:@[^/]+\/)?[^/]+$/, ""), name);
}

/**
 * @template {Packages[string]} Entry
 * @param {Entry} entry
 * @param {"devDependencies" | "optionalDependencies"} field
 * @param {(name: string) => boolean} isThere
 * @returns {Entry}
 */
function withOnly(entry, field, isThere) {
  if (entry[field] === undefined) return entry;
  return { ...entry, [field]: Object.fromEntries(Object.entries(entry[field]).filter(([name]) => isThere(name))) };
}
