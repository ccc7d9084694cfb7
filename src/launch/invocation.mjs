// @ts-self-types="./invocation.d.mts"
// The words with which ingle was called, for remedies that a person copies.
import { basename, delimiter, dirname, relative, sep } from "node:path";

/**
 * What stands before a command: `ingle`, `npx ingle`, `npm run ingle --`, `deno task ingle`, `dist/ingle`. INGLE_CALLED_AS says it where
 * this process cannot know: the launcher sets it for the runtime that it starts, and a wrapper of one's own may.
 * @param {import("./invocation.d.mts").Call} call
 * @returns {string}
 */
export function invocationOf({ env, program, script, cwd }) {
  if (env["INGLE_CALLED_AS"]) return env["INGLE_CALLED_AS"];
  if (script === undefined) return pathOf(program, env, cwd);
  const [manager = ""] = (env["npm_config_user_agent"] ?? "").split("/");
  const runtime = basename(program).replace(/\.exe$/, "");
  // Other runtimes that a task of Deno starts inherit its name.
  if (manager === "deno" && runtime === "deno") return "deno task ingle";
  if (env["npm_lifecycle_event"] && isRunBy(env, script)) return scriptOf(manager, env["npm_lifecycle_event"], env);
  if (dirname(script).endsWith(`${sep}.bin`)) return "npx ingle";
  // Windows calls another file of a package that is installed for all.
  if (basename(script) === "ingle" || script.includes(`${sep}node_modules${sep}`)) return "ingle";
  return `${RUN[runtime] ?? runtime} ${pathOf(script, env, cwd)}`;
}

/** Undefined where somebody has removed it. */
export function workingFolder() {
  try {
    return process.cwd();
  } catch {
    return undefined;
  }
}

/** @type {Record<string, string>} */
const RUN = { bun: "bun run", deno: "deno run -A" };

/** @type {Record<string, [exec: string, run: string]>} */
const MANAGERS = {
  npm: ["npx ingle", "npm run ingle --"],
  pnpm: ["pnpm exec ingle", "pnpm run ingle"],
  yarn: ["yarn ingle", "yarn run ingle"],
  bun: ["bunx ingle", "bun run ingle"],
};

/**
 * @param {string} manager
 * @param {string} event name of the script, `npx` for none
 * @param {Readonly<Record<string, string | undefined>>} env
 */
function scriptOf(manager, event, env) {
  const [exec, run] = MANAGERS[manager] ?? ["npx ingle", "npm run ingle --"];
  return event === "ingle" && env["npm_package_name"] === "ingle" ? run : exec;
}

/**
 * Whether the script of a package manager has called this file: of the package that the script belongs to, or of one below it. What another
 * program calls in such a script, a global ingle for one, inherits the variables.
 * @param {Readonly<Record<string, string | undefined>>} env
 * @param {string} script
 */
function isRunBy(env, script) {
  const manifest = env["npm_package_json"];
  const is_fetched = script.includes(`${sep}_npx${sep}`);
  return is_fetched || (manifest !== undefined && script.startsWith(dirname(manifest) + sep));
}

/**
 * A program as a person types it: by its name where the shell finds it, by the path from here where it lies below.
 * @param {string} path
 * @param {Readonly<Record<string, string | undefined>>} env
 * @param {string | undefined} cwd
 */
function pathOf(path, env, cwd) {
  if ((env["PATH"] ?? "").split(delimiter).includes(dirname(path))) return basename(path).replace(/\.exe$/, "");
  const here = cwd === undefined ? path : relative(cwd, path);
  if (here === path || here.startsWith("..")) return quoted(path);
  return quoted(here.includes(sep) ? here : `.${sep}${here}`);
}

/** @param {string} path */
const quoted = (path) => (/^[\w@+=:,./~\\-]+$/.test(path) ? path : `'${path}'`);
