// @ts-self-types="./prune-node.d.mts"
// The packages of Node bring what its releases bring: headers and manuals are a third of it, and ingle runs the program alone.
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

const NODE = /^node-(bin-)?(linux|darwin|win)-/;
const UNUSED = ["include", "share", "lib", "CHANGELOG.md"];

/** @type {typeof import("./prune-node.d.mts").isUnused} */
export const isUnused = (name, path) => NODE.test(name) && UNUSED.includes(path.split("/")[0] ?? "");

/** @type {typeof import("./prune-node.d.mts").pruneNode} */
export function pruneNode(modules) {
  for (const name of readdirSync(modules).filter((name) => NODE.test(name)))
    for (const path of UNUSED) rmSync(join(modules, name, path), { recursive: true, force: true });
}
