// `ingle import` on files that were made to hurt it, and on one that is only long.
import { chmodSync, linkSync, mkdirSync, rmSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "bun:test";
import { bring, emptyFolder, folderWith, imported, importing, line, put, taken, told } from "../support/old-folder.ts";

describe("hostile input", () => {
  const LIMIT_MS = 30_000;
  const timed = async (lines: string | Uint8Array, thread?: object | string) => {
    const folder = folderWith(lines, thread);
    const start = performance.now();
    const result = await importing(folder);
    expect(performance.now() - start).toBeLessThan(LIMIT_MS);
    rmSync(folder, { recursive: true });
    return result;
  };
  const deep = (open: string, close: string, levels: number): string => open.repeat(levels) + close.repeat(levels);

  test("nesting of any depth overflows nothing", async () => {
    const nested = deep('{"a":', "}", 200_000).replace(":}", ":1}");
    const cut = '{"a":['.repeat(300_000);
    const { report } = await timed(
      [nested, deep("[", "]", 1_000_000), cut, `{"id":"d","role":"user","content":${deep("[", "]", 40)}}`, line("1", "a")].join(
        "\n",
      ),
      nested,
    );
    expect(taken(report)).toEqual({ thread: 1, message: 1 });
    expect(report.skipped.length).toBe(4);
    const folder = emptyFolder();
    put(folder, "assistants/a/assistant.json", deep("[", "]", 400_000));
    put(folder, "models/m/model.yml", deep("[", "]", 100_000));
    put(
      folder,
      "models/n/model.yml",
      `a: &a [x,x,x,x,x,x]\n${"bcdefghij".replaceAll(/./g, (c, at) => `${c}: &${c} [${`*${"abcdefghi"[at]},`.repeat(6)}]\n`)}`,
    );
    expect(taken((await importing(folder)).report)).toEqual({});
  });
  test("a line of a million small objects, and one of a million brackets, cost little", async () => {
    const { report } = await timed(
      [`{}`.repeat(1_000_000), '{"'.repeat(500_000), '{"a":"\\'.repeat(100_000), line("1", "a")].join("\n"),
    );
    expect(taken(report)).toEqual({ thread: 1, message: 1 });
    // Not a sentence for each of them.
    expect(report.skipped.length).toBeLessThanOrEqual(100);
  });
  test("a line of 300 MB is passed over in little memory", async () => {
    const folder = folderWith(line("1", "a"));
    const path = join(folder, "threads/t/messages.jsonl");
    truncateSync(path, 300_000_000);
    put(folder, "threads/u/thread.json", '{"id":"u","title":"U"}');
    put(folder, "threads/u/messages.jsonl", line("1", "b"));
    const before = process.memoryUsage.rss();
    const { report } = await importing(folder);
    // Less than the line: whoever kept it would need twice as much. What was read of it may not have been collected yet.
    expect(process.memoryUsage.rss() - before).toBeLessThan(290_000_000);
    expect(taken(report)).toEqual({ thread: 2, message: 2 });
    expect(told(report)).toEqual(["skipped message threads/t/messages.jsonl:2: It is longer than any message."]);
    rmSync(folder, { recursive: true });
  });
  test("a text that is too long for a message is skipped, and its neighbours are not", async () => {
    const { store, report } = await timed(line("1", "a") + line("2", "x".repeat(20_000_000)) + line("3", "c"));
    expect((await imported(store, "t")).said.map(([, text]) => text)).toEqual(["a", "c"]);
    expect(told(report)).toEqual([expect.stringMatching(/jsonl:2: It takes \d+ characters, more than a message can keep\.$/)]);
  });
  test("names of things to come do nothing", async () => {
    const folder = folderWith(
      `${'{"__proto__":{"role":"user"},"constructor":1,"role":"user","id":"__proto__","content":"a","metadata":{"__proto__":{"x":1}}}'}\n`,
      `{"__proto__":{"title":"p"},"title":"t","assistants":[{"assistant_id":"__proto__"}]}`,
    );
    put(folder, "threads/constructor/messages.jsonl", line("1", "b"));
    const { store, report } = await importing(folder);
    expect(taken(report)).toEqual({ thread: 2, message: 2 });
    expect((await imported(store, "t")).thread.assistants).toMatchObject([{ assistant_id: "jan" }]);
    expect(({} as { x?: number }).x).toBeUndefined();
  });
  test("fields of the wrong type are as good as missing", async () => {
    const odd = [null, 1, true, "x", [], {}, [[]], [null]];
    const lines = odd.flatMap((value, n) => [
      { id: value, role: "user", content: "a", created_at: value, metadata: value, attachments: value, status: value },
      { id: `c${n}`, role: "user", content: value },
      { id: `p${n}`, role: "user", content: [{ type: value, text: value }] },
      { id: `v${n}`, role: value, content: [{ type: "text", text: { value, annotations: value } }] },
    ]);
    const text = lines.map((value) => `${JSON.stringify(value)}\n`).join("");
    for (const value of odd) {
      const { report } = await importing(
        folderWith(text, { id: value, title: value, assistants: value, created: value, metadata: value }),
      );
      expect(taken(report).message).toBeGreaterThanOrEqual(odd.length);
      const thread = { assistants: [{ assistant_id: value, assistant_name: value, instructions: value, model: value }, value] };
      expect(taken((await importing(folderWith(line("1", "a"), thread))).report)).toEqual({ thread: 1, message: 1 });
      const all = (keys: string): object => Object.fromEntries(keys.split(" ").map((key) => [key, value]));
      const folder = emptyFolder();
      const assistant = all("id name description avatar model instructions tools metadata parameters temperature created_at");
      put(folder, "assistants/a/assistant.json", JSON.stringify(assistant));
      const models = {
        m: all("id model sources files settings parameters metadata engine version"),
        n: {
          sources: [value],
          settings: all("ctx_len llama_model_path"),
          parameters: all("stop temperature"),
          metadata: all("tags"),
        },
      };
      for (const [name, manifest] of Object.entries(models)) {
        put(folder, `models/${name}/model.json`, JSON.stringify(manifest));
        put(folder, `models/${name}/w.gguf`, "GGUF");
      }
      expect(taken((await importing(folder)).report)).toMatchObject({ assistant: 1, model: 2 });
    }
  });
  test("pipes do not block, and files of others are told", async () => {
    const folder = folderWith(line("1", "a"));
    mkdirSync(join(folder, "threads/pipe"));
    expect(Bun.spawnSync(["mkfifo", join(folder, "threads/pipe/messages.jsonl")]).success).toBe(true);
    put(folder, "threads/locked/messages.jsonl", line("1", "b"));
    chmodSync(join(folder, "threads/locked/messages.jsonl"), 0);
    linkSync(join(folder, "threads/t/messages.jsonl"), join(folder, "threads/pipe/thread.json"));
    const { report } = await importing(folder);
    expect(told(report)).toContainEqual(expect.stringContaining("threads/pipe/messages.jsonl: It is not a regular file"));
    // Root may read everything.
    if (process.getuid?.() !== 0) expect(told(report)).toContainEqual(expect.stringContaining("may not be read by this user"));
  });
});

test("ten thousand messages of one thread are taken in seconds, in order", async () => {
  const count = 10_000;
  const all = Array.from({ length: count }, (_, n) => line(`m${n}`, `text ${n}`, { created_at: 1_700_000_000 + (n % 7) }));
  const folder = folderWith(all.join(""));
  const start = performance.now();
  const { store, report } = await importing(folder);
  expect(performance.now() - start).toBeLessThan(20_000);
  expect(taken(report)).toEqual({ thread: 1, message: count });
  expect((await imported(store, "t")).said.map(([, text]) => text)).toEqual(all.map((_, n) => `text ${n}`));
  expect((await bring(store, folder)).taken).toEqual([]);
});
