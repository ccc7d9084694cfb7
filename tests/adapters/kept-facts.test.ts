// What is known of a template is kept by its digest: samples are rendered once, for all models that have it, until another release comes.
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "bun:test";
import { folderIdOf } from "../../models/folder-id.ts";
import type { ModelPrompts } from "../../adapters/prompts.ts";
import { PLAIN_TEMPLATE, tinyModel } from "../support/models.ts";
import { startPrompts } from "../support/prompts.ts";
import type { TinyGguf } from "../support/tiny-gguf.ts";

const root = mkdtempSync(join(tmpdir(), "ingle-kept-facts-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const { signal } = new AbortController();
const log: string[] = [];
let folders = 0;
const newFolder = (): string => join(root, String(++folders));

/** A process of its own reads the model; what it knows of earlier ones is in the folder. */
async function openIn(folder: string, model: TinyGguf = {}, more: object = {}): Promise<ModelPrompts> {
  const prompts = startPrompts({ kept: { folder, made_by: "ingle 1", log: (line) => log.push(line), ...more } });
  try {
    return await prompts.open(await tinyModel({ template: PLAIN_TEMPLATE, ...model }), signal);
  } finally {
    await prompts.close();
  }
}

const filesIn = (folder: string): string[] => readdirSync(folder);

/** Writes into the kept file what no sample shows, so that it can be told where the facts come from. */
function mark(folder: string, seal = (made_by: string, facts: object) => JSON.stringify([made_by, facts])): void {
  const path = join(folder, filesIn(folder)[0]!);
  const { made_by, facts } = JSON.parse(readFileSync(path, "utf8"));
  facts.thinking = true;
  const sha256 = createHash("sha256").update(seal(made_by, facts)).digest("hex");
  writeFileSync(path, JSON.stringify({ made_by, facts, sha256 }));
}

describe("what is known of a template", () => {
  test("is found in the file by another model of the same one, and by another process", async () => {
    const folder = newFolder();
    const { template, template_digest } = await openIn(folder);
    expect([template.thinking, filesIn(folder)]).toEqual([false, [`${template_digest}.json`]]);
    mark(folder);
    expect((await openIn(folder, { context_length: 128 })).template).toEqual({ ...template, thinking: true });
    const other = await openIn(folder, { template: `${PLAIN_TEMPLATE}.` });
    expect([other.template.thinking, other.template_digest === template_digest, filesIn(folder).length]).toEqual([
      false,
      false,
      2,
    ]);
  });

  test("is told by its digest without a process", async () => {
    const folder = newFolder();
    const { template, template_digest } = await openIn(folder);
    const prompts = startPrompts({
      kept: { folder, made_by: "ingle 1", log: () => {} },
      command: () => ({ program: "none", args: [] }),
    });
    expect(await prompts.knownTemplate(template_digest)).toEqual(template);
    expect(await prompts.knownTemplate("0".repeat(64))).toBeUndefined();
  });

  test("of another release is asked for anew, and written in its place", async () => {
    const folder = newFolder();
    await openIn(folder);
    mark(folder);
    expect((await openIn(folder, {}, { made_by: "ingle 2" })).template.thinking).toBe(false);
    expect(readFileSync(join(folder, filesIn(folder)[0]!), "utf8")).toContain('"made_by":"ingle 2"');
  });

  test.each([
    ["that is empty", () => ""],
    ["that was cut", (text: string) => text.slice(0, text.length / 2)],
    ["that is no object", () => "null"],
    ["of other JSON", () => '{"facts":{}}'],
    ["that was changed", (text: string) => text.replace('"thinking":false', '"thinking":true')],
  ])("in a file %s is asked for anew, and the file is mended", async (_what, damage) => {
    const folder = newFolder();
    const { template } = await openIn(folder);
    const path = join(folder, filesIn(folder)[0]!);
    const whole = readFileSync(path, "utf8");
    writeFileSync(path, damage(whole));
    expect((await openIn(folder)).template).toEqual(template);
    expect(readFileSync(path, "utf8")).toBe(whole);
  });

  test("that ends its process is not kept, and the next process asks again", async () => {
    const folder = newFolder();
    const template = "{% for i in range(1000000000) %}{{ i }}{% endfor %}";
    expect((await openIn(folder, { template })).template.bounded).toBe(false);
    expect(() => filesIn(folder)).toThrow("ENOENT");
  });

  test("is not written where the data folder is gone or another one, and nothing is lost by it", async () => {
    const data = newFolder();
    mkdirSync(data);
    const kept = { within: { folder: data, id: await folderIdOf(data) } };
    renameSync(data, `${data}-moved`);
    expect((await openIn(join(data, "templates"), {}, kept)).template.bounded).toBe(true);
    mkdirSync(data);
    expect((await openIn(join(data, "templates"), {}, kept)).template.bounded).toBe(true);
    expect(filesIn(data)).toEqual([]);
    expect(log.join("\n")).toContain("ENOENT");
  });
});
