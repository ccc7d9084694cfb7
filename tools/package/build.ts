// `npm run build`: the package as programs get it, in dist/lib: JavaScript, as Node runs no TypeScript within node_modules, and types.
import { spawnSync } from "node:child_process";
import { cp, glob, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import manifest from "../../package.json" with { type: "json" };

const ROOT = join(import.meta.dirname, "../..");
const LIB = join(ROOT, "dist", "lib");

/** Plain JavaScript already, and what the runtimes read beside it. */
const COPIED = ["src/ingle.mjs", "src/launch", "deno.json"];

/** The compiler rewrites what is imported; not the types' own imports, nor the files that threads and processes start from. */
const IMPORT = /((?:\bfrom|\bimport\(|\bnew URL\(|^import) ?"\.{1,2}\/[^"]+)\.ts"/gm;

await rm(LIB, { recursive: true, force: true });
compileSources();
for (const path of COPIED) await cp(join(ROOT, path), join(LIB, path), { recursive: true });
for await (const path of glob("**/*.{js,mjs,ts,mts}", { cwd: LIB })) await rewriteImports(join(LIB, path));
await removeUnreachedTypes();
// What the program reads of it, in place of the whole that the compiler has put there.
const { name, version, description, type } = manifest;
await writeFile(join(LIB, "package.json"), `${JSON.stringify({ name, version, description, type }, null, 2)}\n`);

/** Types that none of the two entries leads to are for nobody who has the package: they would be a fifth of it. */
async function removeUnreachedTypes(): Promise<void> {
  const reached = new Set<string>();
  const pending = ["src/index.d.ts", "src/parts.d.ts"].map((path) => join(LIB, path));
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    if (reached.has(path)) continue;
    reached.add(path);
    const text = await readFile(path, "utf8");
    for (const [, target = ""] of text.matchAll(/"(\.{1,2}\/[^"]+)\.js"/g)) pending.push(join(dirname(path), `${target}.d.ts`));
  }
  for await (const path of glob("**/*.d.ts", { cwd: LIB })) if (!reached.has(join(LIB, path))) await rm(join(LIB, path));
}

function compileSources(): void {
  const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
  // Comments are for who reads the sources, or the types: those of the code would be a fifth of the package.
  for (const part of [["--emitDeclarationOnly"], ["--declaration", "false", "--removeComments"]]) {
    const words = [tsc, "-p", join(import.meta.dirname, "tsconfig.json"), ...part];
    const { status } = spawnSync(process.execPath, words, { stdio: ["ignore", 2, 2] });
    if (status !== 0) throw new Error("The package could not be compiled.");
  }
}

async function rewriteImports(path: string): Promise<void> {
  const text = (await readFile(path, "utf8")).replace(IMPORT, '$1.js"');
  const code = text.replace(/^\s*(\/\/|\*).*$/gm, "");
  const missed = /"\.{1,2}\/[^"]+\.ts"/.exec(code)?.[0];
  if (missed !== undefined) throw new Error(`${path} names ${missed}, which is not in the package.`);
  await writeFile(path, text);
}
