// npm, also where there is only Bun or Deno: both run it as a program of the registry, and what it installs is the same.
import { findOnPath } from "./runtimes.mjs";

const NPM = "npm@11.19.1";

/** Program and words to put the words of npm behind. @returns {string[]} */
export function npmCommand() {
  const { bun, deno } = process.versions;
  const npm = findOnPath(process.platform === "win32" ? "npm.cmd" : "npm");
  if (npm !== undefined || (!bun && !deno)) return ["npm"];
  if (bun) return [process.execPath, "x", "--bun", NPM];
  return [process.execPath, "run", "--quiet", "--allow-all", "--no-config", "--no-lock", "--node-modules-dir=none", `npm:${NPM}`];
}
