// Finds the files that threads start from. An executable has them under their names beside its main file.
import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { CompileError } from "./error.ts";

const START = /new URL\("\.\/([\w-]+-thread\.ts)", import\.meta\.url\)/g;

/** Absolute paths of the files that some source starts a thread from. */
export function findThreadFiles(root: string): string[] {
  const sources = ["src", "models", "adapters"].flatMap((folder) => globSync(join(root, folder, "**/*.ts")));
  const startsIn = (path: string) => [...readFileSync(path, "utf8").matchAll(START)];
  return sources.flatMap((path) => startsIn(path).map(([, name = ""]) => join(dirname(path), name)));
}

/**
 * With bytecode, `import.meta.url` becomes the path that a module had on the machine it was compiled on; the main file's path is the
 * one that is there when it runs. Throws where a start has another form than the one that is replaced here.
 */
export function withThreadsBesideMain(path: string): string {
  const text = readFileSync(path, "utf8");
  const starts = text.split('-thread.ts", import.meta.url').length - 1;
  const changed = text.replaceAll(START, (_, name) => `new URL("./${name}", Bun.pathToFileURL(Bun.main))`);
  if (starts !== [...text.matchAll(START)].length) throw new CompileError(`${path} starts a thread in an unknown form.`);
  return changed;
}
