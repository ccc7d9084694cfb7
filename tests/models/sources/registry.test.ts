// A source that ingle does not have: a driver and its place in a list are all that it takes.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "bun:test";
import * as v from "valibot";
import { download } from "../../../models/download/download.ts";
import { fetchRemoteHeader } from "../../../models/download/remote-header.ts";
import { readGgufFile } from "../../../models/gguf/header.ts";
import type { ModelFile } from "../../../models/manifest.ts";
import { pythonPackage } from "../../../models/sources/python-package.ts";
import { driverOf, Source, sourceSchema } from "../../../models/sources/registry.ts";
import type { SourceDriver } from "../../../models/sources/source.ts";
import { SourceError } from "../../../models/download-errors.ts";
import { makeModel } from "../../support/app.ts";
import { sha256 } from "../../support/hub.ts";
import { tinyGguf } from "../../support/tiny-gguf.ts";

const folder = mkdtempSync(join(tmpdir(), "ingle-source-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const shelf = { full: tinyGguf(), cut: tinyGguf().slice(0, 1000) } as Record<string, Uint8Array>;
const ShelfSource = v.object({ type: v.literal("shelf"), book: v.string() });
const shelfSource: SourceDriver<typeof ShelfSource> = {
  schema: ShelfSource,
  describe: ({ book }) => `the shelf (${book})`,
  locate: ({ book }) => ({ url: `shelf:${book}` }),
  async *fetch({ book }, { part }) {
    const bytes = shelf[book];
    if (bytes === undefined) throw new SourceError("Nothing stands there.");
    await part.restart();
    await part.expect(bytes.length);
    for (let at = 0; at < bytes.length; at += 100_000) {
      await part.write(bytes.subarray(at, at + 100_000));
      yield { bytes: part.bytes, total: bytes.length };
    }
  },
  async open({ book }) {
    const pieces = [shelf[book]!].values();
    return { status: 200, headers: new Headers(), read: async () => pieces.next().value, close() {} };
  },
};
const drivers = [pythonPackage, shelfSource] as const;
const never = new AbortController().signal;

function fileFrom(...books: string[]): ModelFile {
  const sources = v.parse(
    v.array(sourceSchema(drivers)),
    books.map((book) => ({ type: "shelf", book })),
  );
  return { name: "m.gguf", size: shelf["full"]!.length, sha256: sha256(shelf["full"]!), sources: sources as never };
}

test("a model comes from a source that only its driver knows, checked as every other", async () => {
  const target = join(folder, "m.gguf");
  const steps = [];
  for await (const step of download(fileFrom("none", "cut", "full"), target, { drivers }, never)) steps.push(step);
  expect(Buffer.compare(readFileSync(target), shelf["full"]!)).toBe(0);
  expect(steps.at(-1)).toEqual({
    source: "the shelf (full)",
    bytes: shelf["full"]!.length,
    total: shelf["full"]!.length,
    problem: `the shelf (cut): It sent 1000 bytes instead of ${shelf["full"]!.length}.`,
  });
});

test("the header of such a model is read before the file is fetched", async () => {
  const target = join(folder, "header.gguf");
  writeFileSync(target, shelf["full"]!);
  const model = makeModel("m", { files: [fileFrom("full")] });
  expect(await fetchRemoteHeader(model, { drivers }, never)).toEqual(await readGgufFile(target));
});

test("a manifest may name the sources of the list and no others", () => {
  expect(v.is(Source, { type: "shelf", book: "full" })).toBe(false);
  expect(v.is(sourceSchema(drivers), { type: "url", url: "https://example.com/m.gguf" })).toBe(false);
  const pip = { type: "pip", package: "p", version: "1", file: "m.gguf" };
  for (const schema of [Source, sourceSchema(drivers)]) expect(v.is(schema, pip)).toBe(true);
  expect(driverOf(pip)).toBe(driverOf(pip, drivers));
});
