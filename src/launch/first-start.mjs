// @ts-self-types="./first-start.d.mts"
// What a clone does at its first start without the launcher, such as `bun run src/main.ts serve` or `deno task serve`.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Looked for by one file of one package: the launcher compares all versions, a start without it takes no time. */
const REQUIRED = "node_modules/hono/package.json";

/** Fetches the packages where a clone has none, in a process of its own: Deno withholds from this one the right to write them. */
export async function installIfBare() {
  const has = (/** @type {string} */ path) => existsSync(new URL(`../../${path}`, import.meta.url));
  if (has(REQUIRED) || !has("package-lock.json")) return;
  const { spawnSync } = await import("node:child_process");
  const { bun, deno } = process.versions;
  const flags = deno ? ["run", "--allow-all", "--no-config", "--no-lock"] : bun ? ["--no-install", "--no-env-file"] : [];
  const script = fileURLToPath(new URL("./install-packages.mjs", import.meta.url));
  const { status } = spawnSync(process.execPath, [...flags, script], { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
  if (!bun && !deno) return;
  // Both have looked for node_modules before it was there, and Bun would now fetch all packages once more, into a cache of its own.
  console.error("ingle's packages are there now. Run the command once more.");
  process.exit(1);
}
