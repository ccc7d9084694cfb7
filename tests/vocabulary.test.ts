// One name, one meaning: what the glossary of docs/architecture.md says, held by reading the sources.
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { commentsWithoutSubject, doubledTypes, retiredBy, retiredWords } from "./support/vocabulary.ts";

const root = join(import.meta.dirname, "..");

const retired = retiredBy(readFileSync(join(root, "docs/architecture.md"), "utf8"));

const sources = Object.fromEntries(
  [...new Bun.Glob("{src,adapters,models,tools}/**/*.{ts,mts,mjs}").scanSync({ cwd: root })]
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => !/\.d\.m?ts$/.test(path))
    .toSorted()
    .map((path) => [path, readFileSync(join(root, path), "utf8")]),
);

describe("the vocabulary", () => {
  test("a type name is declared once", () => {
    expect(doubledTypes(sources)).toEqual([]);
  });

  test("retired words do not come back", () => {
    expect(Object.keys(retired).length).toBeGreaterThan(15);
    expect(retiredWords(sources, retired)).toEqual([]);
  });

  test("a comment opens with its subject", () => {
    expect(commentsWithoutSubject(sources)).toEqual([]);
  });

  test("files stay short", () => {
    const lengths = Object.values(sources).map((text) => text.split("\n").length - 1);
    const sorted = lengths.toSorted((a, b) => a - b);
    expect(sorted[Math.floor(sorted.length / 2)]).toBeLessThanOrEqual(90);
    expect(sorted.at(-1)).toBeLessThanOrEqual(300);
  });
});

describe("the checker", () => {
  test("names both places of a type, and takes a schema and its type for one", () => {
    const doubled = { "src/a.ts": "export interface Job {}\n", "models/b.ts": "type Job = string;\n" };
    expect(doubledTypes(doubled)).toEqual(["Job is declared in src/a.ts and models/b.ts."]);
    expect(doubledTypes({ "src/a.ts": "export const Job = 1;\nexport type Job = typeof Job;\n" })).toEqual([]);
  });

  test.each([
    ["src/a.ts", "export interface SeatOptions {}", 'src/a.ts:1 names a type "SeatOptions": the term is slot, slot selection.'],
    ["src/a.ts", "\nfunction freeSeats() {}", 'src/a.ts:2 names a function "freeSeats": the term is slot, slot selection.'],
    ["src/model-room.ts", "", 'src/model-room.ts:1 names a file "model-room": the term is model instance, model pool.'],
    ["src/a.ts", "export const WISHES = 1;", 'src/a.ts:1 names a value "WISHES": the term is pending model, download job.'],
  ])("finds a retired word in %s: %s", (path, text, sentence) => {
    expect(retiredWords({ [path]: text }, retired)).toEqual([sentence]);
  });

  test("lets words pass that only contain one", () => {
    expect(retiredWords({ "src/returns.ts": "export function returnMushrooms() {}" }, retired)).toEqual([]);
  });

  test("finds comments without a subject, and leaves docstrings of fields alone", () => {
    const text =
      "// Of a server.\nconst a = 1;\n\n/** It may fail. */\nfunction b() {}\n\ninterface C {\n  /** Of the server. */\n  d: string;\n}\n";
    expect(commentsWithoutSubject({ "src/a.ts": text })).toEqual([
      'src/a.ts:1 opens with a pronoun: "Of a server.".',
      'src/a.ts:4 opens with a pronoun: "It may fail.".',
    ]);
  });
});
