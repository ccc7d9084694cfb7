// The pages for people: what they link to, name and tell to run is there, and works.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { ErrorBody } from "../src/http/errors.ts";
import { FIXTURES } from "./support/old-folder.ts";
import { makeApp } from "./support/app.ts";
import { readPage, type CodeBlock } from "./support/pages.ts";
import { LAUNCHER, run, RUNTIME } from "./support/program.ts";
import { pythonClient } from "./support/python.ts";
import { folderWithModel } from "./support/real-model.ts";
import { startServer, type Server } from "./support/server.ts";
import { installedAs, tinyEncoder } from "./support/tiny-encoders.ts";

const ROOT = join(import.meta.dirname, "..");
const PAGES = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "examples/README.md"];
const pages = [...PAGES, ...readdirSync(join(ROOT, "docs")).map((name) => `docs/${name}`)]
  .filter((path) => path.endsWith(".md"))
  .map((path) => readPage(ROOT, path));

const SLOW = 120_000;

describe("the pages", () => {
  test("the README is one screen of at most 1,000 words", () => {
    const { text } = pages.find(({ path }) => path === "README.md")!;
    expect(text.split(/\s+/).length).toBeLessThanOrEqual(1000);
  });

  test("links lead to files and headings that exist", () => {
    const broken = pages.flatMap(({ path, links }) =>
      links
        .filter(({ target }) => !/^https?:/.test(target) && !leads(path, target))
        .map(({ target, line }) => `${path}:${line} ${target}`),
    );
    expect(broken).toEqual([]);
  });

  test("each option of ingle that a page names is one", async () => {
    const known = new Set(["--help", "--version", ...(await options())]);
    const named = pages.flatMap(({ path, code, blocks }) => {
      const texts = [...code, ...blocks.filter(({ language }) => language === "sh").flatMap(({ text }) => text.split("\n"))];
      // Words of other programs' command lines are theirs.
      const ours = texts.filter((text) => /^(npx )?ingle |^-/.test(text));
      return ours.flatMap((text) => [...text.matchAll(/(?:^|\s)(--[a-z][a-z-]*)/g)].map(([, flag = ""]) => `${path}: ${flag}`));
    });
    expect(named.filter((name) => !known.has(name.split(": ")[1]!))).toEqual([]);
    expect(named.length).toBeGreaterThan(30);
  });

  test("each endpoint that a page names answers the methods that are named with it", async () => {
    const { app } = makeApp();
    const answers = async (path: string, method = "GET"): Promise<boolean> => {
      const url = path.replaceAll(/\{\w+\}/g, "x").replace(/\?.*$/, "");
      const res = await app.request(url, { method, headers: { host: "localhost" } });
      if (res.ok) return true;
      const { error } = (await res.json()) as ErrorBody;
      return !["unknown_url", "method_not_allowed"].includes(error.code ?? "");
    };
    const wrong: string[] = [];
    for (const { path, code, text } of pages.filter(({ path }) => path.startsWith("docs/"))) {
      for (const word of code) {
        const [, method, endpoint] =
          /^(?:(GET|POST|PUT|PATCH|DELETE|HEAD) )?(\/(?:v1\/[a-z][^\s]*|health|metrics|docs|openapi\.json))$/.exec(word) ?? [];
        if (endpoint === undefined || path === "docs/bad-input.md" || path === "docs/security.md") continue;
        const there = (await answers(endpoint, method)) || (method === undefined && (await answers(endpoint, "POST")));
        if (!there) wrong.push(`${path}: ${word}`);
      }
      if (path !== "docs/api.md") continue;
      for (const [, endpoint = "", cell = ""] of text.matchAll(/^\| `(\/[^`]+)` +\| (.*) \|$/gm))
        for (const [, method = ""] of cell.matchAll(/`(GET|POST|PATCH|DELETE)`/g))
          if (!(await answers(endpoint, method))) wrong.push(`${path}: ${method} ${endpoint}`);
    }
    expect(wrong).toEqual([]);
  });

  test("the rows of the tables name tests that exist, and every id that a test cites has its row", () => {
    const rows = new Map<string, string[]>();
    for (const { text } of pages)
      for (const [, id = "", tests = ""] of text.matchAll(/^\| ([BSF]-\d\d) \|.*\| ([^|]*) \|$/gm))
        rows.set(
          id,
          tests
            .split(",")
            .map((name) => name.trim())
            .filter(Boolean),
        );
    const missing = [...rows].flatMap(([id, tests]) =>
      tests.filter((name) => !existsSync(join(ROOT, "tests", `${name}.test.ts`))).map((name) => `${id}: ${name}`),
    );
    expect(missing).toEqual([]);
    const cited = [...new Bun.Glob("tests/**/*.test.ts").scanSync({ cwd: ROOT })]
      .filter((path) => !path.endsWith("docs.test.ts"))
      .flatMap((path) => [...readFileSync(join(ROOT, path), "utf8").matchAll(/\b[BSF]-\d\d\b/g)].map(([id]) => id));
    expect([...new Set(cited)].filter((id) => !rows.has(id))).toEqual([]);
    expect(rows.size).toBeGreaterThan(150);
  });

  test("each step of a walk through the code is a file and a function that exist", () => {
    const { text } = pages.find(({ path }) => path === "docs/architecture.md")!;
    const steps = [...text.matchAll(/^\| .* \| `([\w/.-]+\.ts)` \| `(\w+)` \|$/gm)];
    const missing = steps.filter(([, path = "", name = ""]) => {
      const declared = new RegExp(`(function\\*? ${name}\\b|const ${name}\\b|^ +(async )?\\*?${name}(<.*>)?(\\(|: ))`, "m");
      return !existsSync(join(ROOT, path)) || !declared.test(readFileSync(join(ROOT, path), "utf8"));
    });
    expect(missing.map(([, path, name]) => `${path} ${name}`)).toEqual([]);
    expect(steps.length).toBeGreaterThan(25);
  });

  test("each path that a page names is there", () => {
    const rooms = /^(?:src|adapters|models|tools|tests|docs|examples)\/[\w./-]*$/;
    const named = pages.flatMap(({ path, code }) => code.filter((word) => rooms.test(word)).map((word) => [path, word] as const));
    expect(named.filter(([, word]) => !existsSync(join(ROOT, word))).map(([path, word]) => `${path}: ${word}`)).toEqual([]);
  });

  test("each block of code has a language, and JSON is JSON", () => {
    const blocks = pages.flatMap(({ blocks }) => blocks);
    expect(blocks.filter(({ language }) => !["sh", "ts", "python", "json", "text"].includes(language)).map(placeOf)).toEqual([]);
    for (const { text } of blocks.filter(({ language }) => language === "json")) JSON.parse(text);
  });
});

describe("the blocks of code", () => {
  const runnable = pages.flatMap(({ blocks }) => blocks).filter(({ not_run }) => not_run === undefined);
  const commands = runnable.filter(({ language }) => language === "sh");
  const starts = ["npm start\n"];
  let data: string;
  let folder: string;
  let server: Server;

  beforeAll(async () => {
    data = await folderWithModel();
    folder = await mkdtemp(join(tmpdir(), "ingle-docs-"));
    await cp(join(FIXTURES, "jan-0.4"), join(folder, "home/jan"), { recursive: true });
    // The words that a person types, for this clone.
    await mkdir(join(folder, "bin"));
    const ingle = [...LAUNCHER].map((word) => JSON.stringify(word)).join(" ");
    await writeFile(join(folder, "bin/ingle"), `#!/bin/sh\nexec ${ingle} "$@"\n`, { mode: 0o755 });
    await writeFile(join(folder, "bin/npx"), `#!/bin/sh\nshift\nexec ${ingle} "$@"\n`, { mode: 0o755 });
    // A model that ranks, for the pages that ask one.
    const { path } = await installedAs("ranker", tinyEncoder({ rank_head: true }));
    expect((await run([...LAUNCHER, "pull", path, "--id", "ranker", "--data", data])).code).toBe(0);
    server = await startServer(RUNTIME, ["--context", "2048"], { data });
  }, SLOW);
  afterAll(async () => {
    await server?.stop();
    for (const path of [data, folder]) await rm(path, { recursive: true, force: true });
  }, SLOW);

  const here = (text: string): string => text.replaceAll("http://127.0.0.1:1337", server.url);

  // The first, while one model is installed.
  test(
    "the first request of the README has the answer that is printed beside it",
    async () => {
      const [request, answer] = ["sh", "json"].map((language) =>
        pages[0]!.blocks.find((block) => block.language === language && !starts.includes(block.text)),
      );
      const { stdout } = await run(["bash", "-c", here(request!.text)]);
      const { choices, usage, object, model } = JSON.parse(answer!.text);
      expect(JSON.parse(stdout)).toMatchObject({ choices, object, model, usage: { total_tokens: usage.total_tokens } });
    },
    SLOW,
  );

  test.each(commands.filter(({ text }) => !starts.includes(text)).map((block) => [placeOf(block), block] as const))(
    "%s runs",
    async (_place, { text }) => {
      const env = {
        HOME: join(folder, "home"),
        INGLE_DATA: data,
        PATH: `${join(folder, "bin")}:${process.env["PATH"]}`,
      };
      const { code, stdout, stderr } = await run(["bash", "-e", "-c", here(text)], { cwd: folder, env });
      expect([code, code === 0 ? "" : stdout + stderr]).toEqual([0, ""]);
      if (text.startsWith("curl")) expect(JSON.parse(stdout.replace(/^data: .*$/gm, "").trim() || "{}").error ?? null).toBe(null);
    },
    SLOW,
  );

  test.each(runnable.filter(({ language }) => language === "ts").map((block) => [placeOf(block), block] as const))(
    "%s runs",
    async (_place, { text }) => {
      // Beside the packages of this clone, where the program finds its imports.
      const place = await mkdtemp(join(ROOT, "node_modules", ".ingle-docs-"));
      try {
        await writeFile(join(place, "page.ts"), here(text));
        const { code, stdout, stderr } = await run([...RUNTIME.command, join(place, "page.ts")]);
        expect([code, stderr]).toEqual([0, ""]);
        expect(stdout.trim()).not.toBe("");
      } finally {
        await rm(place, { recursive: true });
      }
    },
    SLOW,
  );

  test(
    "the Python program of the README runs",
    async () => {
      const found = await pythonClient();
      if ("skip" in found) return console.log(`skipped: ${found.skip}`);
      const { text } = runnable.find(({ language }) => language === "python")!;
      const { code, stdout, stderr } = await run([found.python, "-c", here(text)]);
      expect([code, stderr]).toEqual([0, ""]);
      expect(stdout.trim()).not.toBe("");
    },
    SLOW,
  );
});

function placeOf({ page, line, text }: CodeBlock): string {
  return `${page}:${line} ${text.split("\n", 1)[0]!.slice(0, 60)}`;
}

function leads(from: string, link: string): boolean {
  const [path = "", anchor] = link.split("#");
  const target = path === "" ? from : join(dirname(from), path);
  if (!existsSync(join(ROOT, target))) return false;
  return anchor === undefined || readPage(ROOT, target).anchors.has(anchor);
}

/** The options of all commands. */
async function options(): Promise<string[]> {
  const names = readdirSync(join(ROOT, "src/cli")).filter((name) => name.endsWith(".ts") && name !== "main.ts");
  const modules = await Promise.all(names.map((name) => import(join(ROOT, "src/cli", name)) as Promise<{ default?: Command }>));
  const own = modules.flatMap(({ default: command }) => (command ? optionsOf(command) : []));
  // The options of the scripts that compile and release.
  return [...own, "--carry", "--target", "--outfile", "--dry-run", "--no-executable"];
}

interface Command {
  args?: Record<string, { type: string }>;
  subCommands?: Record<string, Command>;
}

function optionsOf({ args = {}, subCommands = {} }: Command): string[] {
  const own = Object.entries(args).flatMap(([name, { type }]) => (type === "positional" ? [] : [`--${name}`, `--no-${name}`]));
  return [...own, ...Object.values(subCommands).flatMap(optionsOf)];
}
