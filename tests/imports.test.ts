import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { breaches, type Sources } from "./support/import-rules.ts";

const root = join(import.meta.dirname, "..");

async function house(): Promise<Sources> {
  const paths = [...new Bun.Glob("{models,adapters,src,tools}/**/*.ts").scanSync({ cwd: root })].map((path) =>
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
      'import type { B } from "../src/support/ids.ts";',
      "models/a.ts:1 imports src/support/ids.ts: models may",
    ],
    [
      "an adapter that imports the server",
      "adapters/echo.ts",
      'import { b } from "../src/support/ids.ts"; b();',
      "adapters/echo.ts:1 imports src/support/ids.ts: an adapter may",
    ],
    [
      "an adapter that imports another one",
      "adapters/echo.ts",
      'import { b } from "./child-process/protocol.ts"; b();',
      "only server/, cli/ and adapters/registry.ts may name a concrete adapter.",
    ],
    [
      "an adapter that imports its own folder",
      "adapters/child-process/adapter.ts",
      'import { b } from "./protocol.ts"; b();',
      undefined,
    ],
    [
      "a route that imports the command line",
      "src/api/a.ts",
      'import { b } from "../cli/b.ts"; b();',
      "src/api/a.ts:1 imports src/cli/b.ts: api may",
    ],
    [
      "a route that imports the model pool",
      "src/api/a.ts",
      'import { type C, b } from "../inference/b.ts"; b();',
      "api may import only types of inference.",
    ],
    ["a route that imports the model pool's types", "src/api/a.ts", 'import type { B } from "../inference/b.ts";', undefined],
    ["a route that imports inline types", "src/api/a.ts", 'import { type B } from "../inference/b.ts";', undefined],
    [
      "what supports all that imports a middleware",
      "src/support/json.ts",
      'import { b } from "../http/b.ts"; b();',
      "src/support/json.ts:1 imports src/http/b.ts: support may",
    ],
    [
      "a dynamic import",
      "src/inference/a.ts",
      '\n\nconst b = await import("../cli/b.ts"); b;',
      "src/inference/a.ts:3 imports src/cli/b.ts: inference may",
    ],
    [
      "an import over several lines",
      "src/support/ids.ts",
      'import {\n  b,\n} from "../server/app.ts"; b();',
      "src/support/ids.ts:3 imports src/server/app.ts: support may",
    ],
    [
      "a re-export",
      "src/support/ids.ts",
      'export { b } from "../server/app.ts";',
      "src/support/ids.ts:1 imports src/server/app.ts: support may",
    ],
    ["an import of main.ts", "src/cli/a.ts", 'import { b } from "../main.ts"; b();', "nothing imports main.ts."],
    ["the command line wiring an adapter", "src/cli/a.ts", 'import { b } from "../../adapters/echo.ts"; b();', undefined],
    [
      "the model pool naming an adapter",
      "src/inference/a.ts",
      'import { b } from "../../adapters/echo.ts"; b();',
      "only server/, cli/ and adapters/registry.ts may name a concrete adapter.",
    ],
    [
      "process in a route",
      "src/api/a.ts",
      "// process\nconst b = 'process';\nexport const a = process.env;",
      "src/api/a.ts:3 uses process: runtime names",
    ],
    ["Bun by typeof", "src/support/ids.ts", 'export const a = typeof Bun === "undefined";', "src/support/ids.ts:1 uses Bun:"],
    ["Deno behind globalThis", "models/a.ts", "export const a = globalThis.Deno;", "models/a.ts:1 uses Deno:"],
    [
      "process as a module",
      "src/support/ids.ts",
      'import process from "node:process"; process.exit();',
      "src/support/ids.ts:1 imports node:process:",
    ],
    ["process in the command line", "src/cli/a.ts", "export const a = process.env;", undefined],
    [
      "the word in strings, keys and comments",
      "src/support/ids.ts",
      '/* Bun */ export const a = { process: "Deno" }.process; // process',
      undefined,
    ],
    ["a type that only names the global", "src/support/ids.ts", "export type A = typeof process;", undefined],
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
