import { expect, test } from "bun:test";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");
const transpiler = new Bun.Transpiler({ loader: "ts" });

/** Paths of our modules, and names of others, that are imported before a server on Bun listens; what `import()` brings comes later. */
async function importedAtStart(): Promise<Set<string>> {
  const found = new Set(["src/main.ts", "src/cli/main.ts", "src/cli/serve.ts", "src/server/listen/bun.ts"]);
  for (const path of found) {
    if (!path.endsWith(".ts")) continue;
    for (const { path: named, kind } of transpiler.scanImports(await Bun.file(join(ROOT, path)).text()))
      if (kind === "import-statement") found.add(named.startsWith(".") ? join(path, "..", named) : named);
  }
  return found;
}

test("a server listens without the modules that it needs later", async () => {
  const imported = await importedAtStart();
  expect(imported).toContain("src/server/app.ts");
  const later = [
    ...["node:http", "node:child_process", "node:zlib"],
    ...["src/server/server-parts.ts", "src/server/adapters.ts", "src/inference/model-pool.ts", "src/library/library.ts"],
    ...["threads", "messages", "assistants", "models", "downloads"].map((resource) => `src/api/${resource}/handlers.ts`),
    ...["src/api/chat/create-completion.ts", "src/api/models/create.ts", "models/gguf/header.ts"],
    ...["models/catalog-manifests.ts", "models/sources/hub-listing.ts", "adapters/echo.ts"],
  ];
  expect(later.filter((name) => imported.has(name))).toEqual([]);
});

/** A module costs 0.3 ms of a start on Bun and 0.7 ms on Node, however small it is: `bench:start`, column `listening`. */
const MOST_MODULES = 158;
const MOST_BYTES = 460_000;

test("a server reads few modules before it listens", async () => {
  const own = [...(await importedAtStart())].filter((path) => path.endsWith(".ts"));
  expect(own.length).toBeLessThanOrEqual(MOST_MODULES);
  expect(own.reduce((sum, path) => sum + Bun.file(join(ROOT, path)).size, 0)).toBeLessThanOrEqual(MOST_BYTES);
});
