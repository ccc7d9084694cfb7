// @ts-self-types="./node-version.d.mts"
// Which Node can run ingle. Plain JavaScript that every Node reads.
import { existsSync } from "node:fs";

/**
 * The first that can. Sources are TypeScript, which Node reads unaided from 22.18 on; what a package is built of is JavaScript, whose
 * imports of JSON are no experiment from 22.12 on.
 */
export const NEEDED_NODE = existsSync(new URL("../main.js", import.meta.url)) ? "22.12" : "22.18";

/** Whether this process is such a Node; Bun and Deno also call themselves Node. */
export function isNodeThatFits() {
  const { node = "0.0", bun, deno } = process.versions;
  return !bun && !deno && fits(node);
}

/** Whether a Node of this version is new enough. @param {string} version such as 22.18.0 */
export function fits(version) {
  const [[major = 0, minor = 0], [least = 0, least_minor = 0]] = [numbers(version), numbers(NEEDED_NODE)];
  return major > least || (major === least && minor >= least_minor);
}

/** Throws one sentence on a Node that is too old: its own error would be a stack out of the middle of ingle. */
export function requireNode() {
  const { node, bun, deno } = process.versions;
  if (bun || deno || isNodeThatFits()) return;
  const error = new Error(
    `ingle needs Node ${NEEDED_NODE} or newer, and this is Node ${node} (${process.execPath}). Install a newer one, or use Bun or Deno.`,
  );
  error.stack = `Error: ${error.message}`;
  throw error;
}

/** @param {string} version */
const numbers = (version) => version.split(".").map(Number);
