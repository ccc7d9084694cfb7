// The sha256 of weights on a disk: made once a change, noted beside them, and given up when nobody needs it.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import type { Model } from "../../models/manifest.ts";
import { createLibrary } from "../../src/library/library.ts";
import { createWeightVerifier, type WeightFile } from "../../src/library/weight-verifier.ts";
import type { ApiError } from "../../src/http/errors.ts";
import { createLog } from "../../src/support/log/log.ts";
import { makeApp, makeModel } from "../support/app.ts";
import { sha256 } from "../support/hub.ts";
import { eventually } from "../support/server.ts";

const root = mkdtempSync(join(tmpdir(), "ingle-verifier-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const BYTES = Buffer.from("weights");
let base = "";
let folder = "";
let lines: string[] = [];
const log = createLog((line) => lines.push(line));
beforeEach(() => {
  base = mkdtempSync(join(root, "data-"));
  folder = join(base, "weights/m");
  mkdirSync(folder, { recursive: true });
  lines = [];
});

function weightFile(more: Partial<WeightFile["file"]> = {}): WeightFile {
  const path = join(folder, "w.gguf");
  if (!existsSync(path)) writeFileSync(path, BYTES);
  return { id: "m", file: { name: "w.gguf", sources: [], ...more }, path, folder };
}
const noteOf = (): string => join(folder, "w.gguf.sha256.json");
/** Larger than can be read within this test. */
function hugeFile(): WeightFile {
  const file = weightFile();
  truncateSync(file.path, 64 * 2 ** 30);
  return file;
}
const isUnderWay = () => new Promise((done) => setTimeout(done, 300));

describe("a sha256", () => {
  test("is made once for all who ask meanwhile, and once for each change", async () => {
    const verifier = createWeightVerifier(log);
    const file = weightFile({ sha256: sha256(BYTES) });
    expect(await verifier.state(file)).toEqual({ state: "unsure", sure: false });
    expect(await verifier.verify(file)).toBe("sound");
    expect(await verifier.state(file)).toEqual({ state: "sound", sure: true });
    writeFileSync(file.path, "Weights");
    expect(await verifier.state(file)).toEqual({ state: "unsure", sure: false });
    const all = await Promise.all(Array.from({ length: 20 }, () => verifier.verify(file)));
    expect(new Set(all)).toEqual(new Set(["damaged"]));
    expect(await verifier.verify(file)).toBe("damaged");
    expect(lines.filter((line) => line.includes("a file is damaged"))).toHaveLength(1);
  });

  test("is not made, nor noted, where nothing has changed", async () => {
    const file = weightFile();
    await createWeightVerifier().verify(file);
    writeFileSync(noteOf(), readFileSync(noteOf(), "utf8").replace(/\s+/g, " "));
    const before = readFileSync(noteOf(), "utf8");
    expect(await createWeightVerifier().verify(file)).toBe("sound");
    expect(readFileSync(noteOf(), "utf8")).toBe(before);
  });

  test("of a file that was damaged stays until another is made", async () => {
    const verifier = createWeightVerifier();
    const file = weightFile({ sha256: sha256(BYTES) });
    writeFileSync(file.path, "Weights");
    expect(await verifier.verify(file)).toBe("damaged");
    utimesSync(file.path, 1, 1);
    expect(await verifier.state(file)).toEqual({ state: "damaged", sure: false });
    writeFileSync(file.path, BYTES);
    expect(await verifier.verify(file)).toBe("sound");
  });

  test("that cannot be noted is remembered", async () => {
    const verifier = createWeightVerifier(log);
    const file = weightFile();
    mkdirSync(noteOf());
    expect(await verifier.verify(file)).toBe("sound");
    expect(await verifier.state(file)).toEqual({ state: "sound", sure: true });
    expect(lines.filter((line) => line.includes("could not be noted"))).toHaveLength(1);
  });

  test("is made again where its note is damaged", async () => {
    const file = weightFile({ sha256: sha256(BYTES) });
    for (const text of ["", "{", "[]", '{"stamp":1}', "x".repeat(10_000)]) {
      writeFileSync(noteOf(), text);
      expect(await createWeightVerifier().verify(file)).toBe("sound");
      expect(JSON.parse(readFileSync(noteOf(), "utf8"))).toMatchObject({ sha256: sha256(BYTES) });
    }
  });

  test("is given up when the model is removed: no folder is made anew", async () => {
    const verifier = createWeightVerifier();
    const verifying = verifier.verify(hugeFile()).catch((error) => error);
    const waiting = verifier.verify({ ...weightFile(), folder: join(base, "weights/other") }).catch((error) => error);
    await isUnderWay();
    await verifier.forget("m");
    rmSync(folder, { recursive: true });
    expect(await verifying).toMatchObject({ status: 409, code: "model_not_ready" });
    expect(await waiting).toMatchObject({ status: 409 });
    expect([existsSync(folder), existsSync(join(base, "weights/other"))]).toEqual([false, false]);
  });

  test("is given up when the server stops, and made at the next load", async () => {
    const verifier = createWeightVerifier();
    const file = hugeFile();
    const verifying = verifier.verify(file).catch((error) => error);
    await isUnderWay();
    await verifier.close();
    expect(await verifying).toMatchObject({ status: 503, code: "server_stopping" });
    expect(await verifier.verify(file).catch((error) => error)).toMatchObject({ status: 503 });
    expect(existsSync(noteOf())).toBe(false);
    writeFileSync(file.path, BYTES);
    expect(await createWeightVerifier().verify(file)).toBe("sound");
  });

  test("is waited for no longer than the signal says, and made all the same", async () => {
    const verifier = createWeightVerifier();
    const leave = new AbortController();
    const file = hugeFile();
    const [left, stays] = [verifier.verify(file, leave.signal), verifier.verify(file)].map((made) =>
      made.catch((error) => error),
    );
    leave.abort(new Error("left"));
    expect(((await left) as Error).message).toBe("left");
    await verifier.close();
    expect(await stays).toMatchObject({ code: "server_stopping" });
  });

  test("is not noted where the data folder has vanished: nothing is made in its place", async () => {
    const verifier = createWeightVerifier(log);
    const own = join(root, "own.gguf");
    writeFileSync(own, BYTES);
    const file = { ...weightFile({ path: own }), path: own };
    rmSync(base, { recursive: true });
    expect(await verifier.verify(file)).toBe("sound");
    expect(existsSync(base)).toBe(false);
  });
});

describe("a model of several files", () => {
  const names = ["m-00001-of-00002.gguf", "m-00002-of-00002.gguf", "mmproj.gguf"];
  const model = (): Model =>
    makeModel("m", {
      files: names.map((name) => ({
        ...{ name, size: BYTES.length, sha256: sha256(BYTES), sources: [] },
        ...(name.startsWith("mmproj") && { role: "projector" as const }),
      })),
    });

  function house() {
    const told: [string, ApiError][] = [];
    const { store } = makeApp();
    const options = { records: store.models, downloads: store.downloads, weights: join(base, "weights") };
    const library = createLibrary({ ...options, onDamaged: (...each) => told.push(each) });
    for (const name of names) writeFileSync(join(folder, name), BYTES);
    return { library, told };
  }

  test.each(names)("is damaged where %s is: told once it is known, and refused from then on", async (name) => {
    const { library, told } = house();
    writeFileSync(join(folder, name), "Weights");
    // Concurrent loads, all before it is known.
    await Promise.all([1, 2, 3].map(() => library.resolveForLoad(model())));
    await eventually("it is told", () => told.length > 0);
    expect(told[0]).toMatchObject(["m", { status: 500, code: "model_corrupted" }]);
    for (const resolve of [library.resolve, library.resolveForLoad]) {
      const error = await resolve(model()).catch((error: Error) => error);
      expect(error).toMatchObject({ code: "model_corrupted", message: expect.stringContaining(`"${name}"`) });
    }
  });

  test.each(names)("that is loaded is looked at: %s has changed, or has grown", async (name) => {
    const { library, told } = house();
    await library.resolveForLoad(model());
    await eventually("all are noted", () => names.every((each) => existsSync(join(folder, `${each}.sha256.json`))));
    // What comes a moment after a look is seen a little later.
    library.recheck(model());
    writeFileSync(join(folder, name), name === names[0] ? "Weights, more of them" : "Weights");
    library.recheck(model());
    await eventually("it is told", () => told.length > 0);
    expect(told[0]).toMatchObject(["m", { code: "model_corrupted", message: expect.stringContaining(name) }]);
  });

  test("that is removed is looked at no more, and no folder is made anew", async () => {
    const { library, told } = house();
    const own = join(base, "own.gguf");
    writeFileSync(own, BYTES);
    const used = makeModel("m", { files: [{ name: "own.gguf", path: own, sources: [] }] });
    await library.add(used);
    await library.resolveForLoad(used);
    await eventually("it is noted", () => existsSync(join(folder, "own.gguf.sha256.json")));
    library.recheck(used);
    library.recheck(used);
    expect(await library.remove("m")).toBe(true);
    await new Promise((done) => setTimeout(done, 1_500));
    expect([existsSync(folder), existsSync(own), told]).toEqual([false, true, []]);
  });

  test("that was damaged loads once its file is what it was: that load waits for the sha256", async () => {
    const { library, told } = house();
    const [name = ""] = names;
    writeFileSync(join(folder, name), "Weights");
    await library.resolveForLoad(model());
    await eventually("it is told", () => told.length > 0);
    writeFileSync(join(folder, name), BYTES);
    expect(await library.resolve(model()).catch(({ code }) => code)).toBe("model_corrupted");
    expect(await library.resolveForLoad(model())).toMatchObject({ id: "m" });
    expect(await library.resolve(model())).toMatchObject({ id: "m" });
  });
});
