import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { breaches, type Sources } from "./support/import-rules.ts";

const root = join(import.meta.dirname, "..");

async function house(): Promise<Sources> {
  const paths = [...new Bun.Glob("{models,adapters,src}/**/*.ts").scanSync({ cwd: root })].map((path) =>
    path.replaceAll("\\", "/"),
  );
  const texts = await Promise.all(paths.map((path) => Bun.file(join(root, path)).text()));
  return Object.fromEntries(paths.toSorted().map((path) => [path, texts[paths.indexOf(path)] ?? ""]));
}

test("the house keeps its rules", async () => {
  const sources = await house();
  expect(Object.keys(sources)).toContain("adapters/adapter.ts");
  expect(breaches(sources)).toEqual([]);
});

describe("the checker", () => {
  const planted: [name: string, path: string, text: string, breach: string | undefined][] = [
    [
      "a model that imports an adapter",
      "models/a.ts",
      '\nimport { b } from "../adapters/adapter.ts";\nb();',
      "models/a.ts:2 imports adapters/adapter.ts: models may import only its own room.",
    ],
    [
      "a type counts as an arrow too",
      "models/a.ts",
      'import type { B } from "../src/ids.ts";',
      "models/a.ts:1 imports src/ids.ts: models may",
    ],
    [
      "an adapter that imports the server",
      "adapters/echo.ts",
      'import { b } from "../src/ids.ts"; b();',
      "adapters/echo.ts:1 imports src/ids.ts: an adapter may",
    ],
    [
      "an adapter that imports another one",
      "adapters/echo.ts",
      'import { b } from "./child/protocol.ts"; b();',
      "only main.ts, index.ts and cli/ may name a concrete adapter.",
    ],
    ["an adapter that imports its own folder", "adapters/child.ts", 'import { b } from "./child/protocol.ts"; b();', undefined],
    [
      "a route that imports the command line",
      "src/routes/a.ts",
      'import { b } from "../cli/b.ts"; b();',
      "src/routes/a.ts:1 imports src/cli/b.ts: routes may",
    ],
    [
      "a route that imports the engines",
      "src/routes/a.ts",
      'import { type C, b } from "../engines.ts"; b();',
      "routes may import only types of engines.",
    ],
    ["a route that imports the engines' types", "src/routes/a.ts", 'import type { B } from "../engines.ts";', undefined],
    ["a route that imports inline types", "src/routes/a.ts", 'import { type B } from "../engines.ts";', undefined],
    [
      "a leaf that imports a guard",
      "src/json.ts",
      'import { b } from "./guards/b.ts"; b();',
      "src/json.ts:1 imports src/guards/b.ts: leaves may",
    ],
    [
      "a dynamic import",
      "src/engines.ts",
      '\n\nconst b = await import("./cli/b.ts"); b;',
      "src/engines.ts:3 imports src/cli/b.ts: engines may",
    ],
    [
      "an import over several lines",
      "src/ids.ts",
      'import {\n  b,\n} from "./app.ts"; b();',
      "src/ids.ts:3 imports src/app.ts: leaves may",
    ],
    ["a re-export", "src/ids.ts", 'export { b } from "./app.ts";', "src/ids.ts:1 imports src/app.ts: leaves may"],
    ["an import of main.ts", "src/cli/a.ts", 'import { b } from "../main.ts"; b();', "nothing imports main.ts."],
    ["the command line wiring an adapter", "src/cli/a.ts", 'import { b } from "../../adapters/echo.ts"; b();', undefined],
    [
      "the engines naming an adapter",
      "src/engines.ts",
      'import { b } from "../adapters/echo.ts"; b();',
      "only main.ts, index.ts and cli/ may name a concrete adapter.",
    ],
    [
      "process in a route",
      "src/routes/a.ts",
      "// process\nconst b = 'process';\nexport const a = process.env;",
      "src/routes/a.ts:3 uses process: runtime names",
    ],
    ["Bun by typeof", "src/ids.ts", 'export const a = typeof Bun === "undefined";', "src/ids.ts:1 uses Bun:"],
    ["Deno behind globalThis", "models/a.ts", "export const a = globalThis.Deno;", "models/a.ts:1 uses Deno:"],
    [
      "process as a module",
      "src/ids.ts",
      'import process from "node:process"; process.exit();',
      "src/ids.ts:1 imports node:process:",
    ],
    ["process in the command line", "src/cli/a.ts", "export const a = process.env;", undefined],
    [
      "the word in strings, keys and comments",
      "src/ids.ts",
      '/* Bun */ export const a = { process: "Deno" }.process; // process',
      undefined,
    ],
    ["a type that only names the global", "src/ids.ts", "export type A = typeof process;", undefined],
  ];

  test.each(planted)("%s", (_, path, text, breach) => {
    const found = breaches({ [path]: text });
    if (breach === undefined) expect(found).toEqual([]);
    else expect(found).toEqual([expect.stringContaining(breach)]);
  });

  test("a cycle is named once, with its way", () => {
    const sources = {
      "models/a.ts": 'import { b } from "./b.ts"; export const a = b;',
      "models/b.ts": 'import { c } from "./c.ts"; export const b = c;',
      "models/c.ts": 'import type { A } from "./a.ts"; export const c = 1;',
    };
    expect(breaches(sources)).toEqual(["models/a.ts -> models/b.ts -> models/c.ts -> models/a.ts: an import cycle."]);
  });
});
