// A model of several files that are replaced at their source between two of them: all that is installed is of one version.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import type { Model } from "../../models/manifest.ts";
import { fetchModelFiles, forgetOrigins } from "../../src/library/fetch-files.ts";
import { createWeightVerifier } from "../../src/library/weight-verifier.ts";
import { makeModel } from "../support/app.ts";
import { sha256 } from "../support/hub.ts";
import { tinyGguf } from "../support/tiny-gguf.ts";

const root = mkdtempSync(join(tmpdir(), "ingle-split-"));
const NAMES = ["m-00001-of-00003.gguf", "m-00002-of-00003.gguf", "m-00003-of-00003.gguf"];
const MIB = 1 << 20;

/** Both versions have the same length. */
function bytesOf(version: number, part: number): Buffer {
  const bytes = Buffer.alloc(MIB, 16 * version + part);
  bytes.set(tinyGguf());
  return bytes;
}

let version = 1;
let tags: "strong" | "none" = "strong";
let asked: string[] = [];
/** Called before the part of that number is sent, whole or not. */
let onPart: (part: number) => "cut" | "whole" = () => "whole";
const server = createServer((request, response) => {
  const part = NAMES.indexOf(request.url!.slice(1));
  const end = onPart(part);
  const bytes = bytesOf(version, part);
  const start = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
  const tag = `"v${version}"`;
  const partial = start > 0 && (request.headers["if-range"] ?? tag) === tag;
  asked.push(`${part + 1} of v${version}${partial ? ` from ${start}` : ""}`);
  const body = partial ? bytes.subarray(start) : bytes;
  response.writeHead(partial ? 206 : 200, {
    "content-length": body.length,
    ...(tags === "strong" && { etag: tag }),
    ...(partial && { "content-range": `bytes ${start}-${bytes.length - 1}/${bytes.length}` }),
  });
  if (end === "whole") response.end(body);
  else response.write(body.subarray(0, MIB / 2), () => setTimeout(() => response.destroy(), 20));
});
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
afterAll(() => {
  server.closeAllConnections();
  server.close();
  rmSync(root, { recursive: true, force: true });
});

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(root, "model-"));
  [version, tags, asked, onPart] = [1, "strong", [], () => "whole"];
});

const split = (known: (part: number) => object = () => ({})): Model =>
  makeModel("m", {
    files: NAMES.map((name, part) => ({ name, sources: [{ type: "url", url: `${url}/${name}` }], ...known(part) })),
  });
const knownOf = (version: number) => (part: number) => ({ size: MIB, sha256: sha256(bytesOf(version, part)) });

async function fetchAll(model: Model, wait = async () => {}): Promise<unknown> {
  const files = model.files.map((file) => ({ id: model.id, file, folder, path: join(folder, file.name) }));
  const steps = fetchModelFiles(files, createWeightVerifier(), { allow_private: true, wait }, new AbortController().signal);
  try {
    for await (const _ of steps);
    return undefined;
  } catch (error) {
    return error;
  }
}

/** Breaks off in the middle of the second part, for good. */
async function breakOff(model: Model): Promise<void> {
  onPart = (part) => (part === 1 ? "cut" : "whole");
  await fetchAll(model, () => Promise.reject(new Error("no second try")));
  onPart = () => "whole";
  asked = [];
}

const versionsThere = () =>
  NAMES.map((name, part) => {
    const bytes = readFileSync(join(folder, name));
    return [1, 2].find((version) => bytes.equals(bytesOf(version, part))) ?? "a mixture";
  });

describe("F-110: a resumed download of several files", () => {
  test("goes on where the source has the same version still", async () => {
    await breakOff(split());
    expect(await fetchAll(split())).toBeUndefined();
    expect(versionsThere()).toEqual([1, 1, 1]);
    expect(asked).toContain(`2 of v1 from ${MIB / 2}`);
  });

  test("fetches again also the files that were whole, where the source has another version", async () => {
    await breakOff(split());
    version = 2;
    expect(await fetchAll(split())).toBeUndefined();
    expect(versionsThere()).toEqual([2, 2, 2]);
  });

  test("fetches all again where the source gives no tags", async () => {
    tags = "none";
    await breakOff(split());
    version = 2;
    expect(await fetchAll(split())).toBeUndefined();
    expect(versionsThere()).toEqual([2, 2, 2]);
  });

  test("fetches again what has another sha256 by now", async () => {
    await breakOff(split(knownOf(1)));
    version = 2;
    expect(await fetchAll(split(knownOf(2)))).toBeUndefined();
    expect(versionsThere()).toEqual([2, 2, 2]);
  });

  test("keeps the files whose sha256 is known and right", async () => {
    await breakOff(split(knownOf(1)));
    expect(await fetchAll(split(knownOf(1)))).toBeUndefined();
    expect(versionsThere()).toEqual([1, 1, 1]);
    expect(asked).toEqual([`2 of v1 from ${MIB / 2}`, "3 of v1"]);
  });
});

test("F-110: files that are replaced while they are fetched one after the other are all of the last version", async () => {
  onPart = (part) => {
    if (part === 2) version = 2;
    return "whole";
  };
  expect(await fetchAll(split())).toBeUndefined();
  expect(versionsThere()).toEqual([2, 2, 2]);
});

test("files that change each time they are asked for are given up", async () => {
  onPart = () => {
    version++;
    return "whole";
  };
  expect(await fetchAll(split())).toMatchObject({ code: "download_failed" });
});

test("what was noted of the sources is dropped with the installation", async () => {
  const model = split();
  await fetchAll(model);
  await forgetOrigins(folder, model.files);
  expect(readdirSync(folder).sort()).toEqual(NAMES.flatMap((name) => [name, `${name}.sha256.json`]));
});
