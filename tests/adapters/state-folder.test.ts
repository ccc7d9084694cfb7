// The states of conversations on the disk, without a model: what is found again, what is never trusted, and what goes.
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { folderIdOf } from "../../models/folder-id.ts";
import { BadStateError, withFile } from "../../adapters/shared/kv-cache/state-bytes.ts";
import { createStateFolder, type SavedState, type StateFolder } from "../../adapters/shared/kv-cache/state-folder.ts";
import {
  embeddedStateFormat,
  HEADER_WORDS,
  seal,
  headerWords,
  type CachedTokens,
} from "../../adapters/node-llama-cpp/state-file.ts";
import { nativeStates } from "../support/native-states.ts";

const root = mkdtempSync(join(tmpdir(), "ingle-states-"));
afterAll(() => rmSync(root, { recursive: true }));

const KEY = new Uint8Array(32).fill(7);
const held = (from: number, length = 4, exact = 0): CachedTokens => ({
  tokens: Uint32Array.from({ length }, (_, i) => from + i),
  exact,
});
let base = "";
let number = 0;
beforeEach(() => {
  base = join(root, `${number++}`);
});

const open = (bytes = 1e9, { model = "tiny", key = KEY } = {}) =>
  createStateFolder({ folder: join(base, model), bytes }, embeddedStateFormat(key));
const there = (model = "tiny"): string[] => readdirSync(join(base, model)).sort();

/** As an engine does it. Answers whether it stayed. */
async function write(folder: StateFolder<CachedTokens>, state: CachedTokens, scope = ""): Promise<boolean> {
  const path = await folder.begin(scope, state);
  const native = nativeStates(new Map([[0, state.tokens.length]]));
  await native.saveSequenceStateToFile(path, 0, headerWords(state, KEY));
  return folder.commit(scope, path, state);
}

const firsts = async (folder: StateFolder<CachedTokens>, scope = ""): Promise<number[]> => {
  return (await folder.states(scope)).map(({ tokens }) => tokens[0]!).sort((a, b) => a - b);
};

/** The path that native code would get. With `failure` that code cannot load it. */
async function loaded(folder: StateFolder<CachedTokens>, state: SavedState<CachedTokens>, failure?: Error): Promise<string> {
  let loaded_from = "";
  await folder.restore(state, async (path) => {
    loaded_from = path;
    if (failure !== undefined) throw failure;
  });
  return loaded_from;
}

/** Whether a new look at the folder finds the state and would give it to native code. */
async function trusted(): Promise<boolean> {
  const folder = open();
  const [state] = await folder.states("");
  if (state === undefined) return false;
  return loaded(folder, state).then(
    () => true,
    (error) => {
      expect(error).toBeInstanceOf(BadStateError);
      return false;
    },
  );
}

describe("a state", () => {
  test("is found again when the folder is opened anew, with its tokens and how many of them are exact", async () => {
    await write(open(), held(10, 5, 3));
    const folder = open();
    const [state] = await folder.states("");
    expect([[...state!.tokens], state!.exact]).toEqual([[10, 11, 12, 13, 14], 3]);
    expect(statSync(await loaded(folder, state!)).size).toBe(state!.bytes);
  });

  test("is for its owner alone, and has no name before it is whole", async () => {
    const folder = open();
    const path = await folder.begin("", held(1));
    expect(await folder.states("")).toEqual([]);
    expect(statSync(join(base, "tiny")).mode & 0o777).toBe(0o700);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    await folder.discard(path);
    await write(folder, held(1));
    expect(statSync(join(base, "tiny", there()[0]!)).mode & 0o777).toBe(0o600);
  });

  test("of another key is not seen, and is left where it is", async () => {
    await write(open(), held(1));
    expect(await open(1e9, { key: new Uint8Array(32).fill(8) }).states("")).toEqual([]);
    expect(await firsts(open())).toEqual([1]);
  });

  test("of another API key is not seen, has a name of its own, and is evicted with all others", async () => {
    const folder = open();
    await write(folder, held(1));
    for (const scope of ["one", "two"]) await write(folder, held(1), scope);
    await write(folder, held(2), "two");
    expect([await firsts(folder), await firsts(folder, "one"), await firsts(folder, "two")]).toEqual([[1], [1], [1, 2]]);
    expect(await firsts(open(), "three")).toEqual([]);
    expect(there()).toHaveLength(4);
    expect(await folder.best("one", ({ tokens }) => tokens[0]!, 2)).toBeUndefined();
    await open(1).evict();
    expect(there()).toEqual([]);
  });

  test("that is written twice is one file", async () => {
    const folder = open();
    await write(folder, held(1));
    await write(open(), held(1));
    expect(there()).toHaveLength(1);
  });
});

describe("a file that is not as it was written is never trusted:", () => {
  const original = async (): Promise<{ path: string; bytes: Buffer }> => {
    await write(open(), held(10, 6, 2));
    const path = join(base, "tiny", there()[0]!);
    return { path, bytes: readFileSync(path) };
  };

  test("whichever bit is flipped", async () => {
    const { path, bytes } = await original();
    expect(await trusted()).toBe(true);
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 1 << (at % 8);
      writeFileSync(path, changed);
      expect([at, await trusted()]).toEqual([at, false]);
    }
    writeFileSync(path, bytes);
    expect(await trusted()).toBe(true);
  });

  test("wherever it is cut, and when something follows", async () => {
    const { path, bytes } = await original();
    for (let length = 0; length < bytes.length; length++) {
      writeFileSync(path, bytes.subarray(0, length));
      expect([length, await trusted()]).toEqual([length, false]);
    }
    writeFileSync(path, Buffer.concat([bytes, Uint8Array.of(0)]));
    expect(await trusted()).toBe(false);
  });

  test("when a count is enormous, nothing is reserved for it", async () => {
    const { path, bytes } = await original();
    for (const at of [8, 12 + 8, 12 + 12]) {
      const changed = Buffer.from(bytes);
      changed.writeUInt32LE(0xffffffff, at);
      writeFileSync(path, changed);
      expect(await trusted()).toBe(false);
    }
  });

  test("whatever is done to its cells, even with a right checksum", async () => {
    const { path, bytes } = await original();
    const cells = 12 + 4 * (HEADER_WORDS + 6);
    // The streams, the count of the cells, and of the last cell its position and its sequences.
    for (const at of [cells, cells + 4, cells + 8 + 12 * 5, cells + 8 + 12 * 5 + 4]) {
      for (const value of [0, 7, 0x7fffffff, 0xffffffff]) {
        if (at === cells && value > 0) continue; // how many streams there are, the native side knows
        const changed = Buffer.from(bytes);
        changed.writeUInt32LE(value, at);
        writeFileSync(path, changed);
        await withFile(path, "r+", seal);
        expect([at, value, await trusted()]).toEqual([at, value, false]);
      }
    }
    writeFileSync(path, bytes);
    await withFile(path, "r+", seal);
    expect(await trusted()).toBe(true);
  });

  test("and it is removed once that is known", async () => {
    const { path, bytes } = await original();
    writeFileSync(path, bytes.subarray(0, 50));
    expect(await open().states("")).toEqual([]);
    expect(existsSync(path)).toBe(false);
  });

  test("when it is a folder, it does no harm", async () => {
    mkdirSync(join(base, "tiny", `${"0".repeat(32)}-${"0".repeat(32)}.kv`), { recursive: true });
    const folder = open();
    await write(folder, held(1));
    expect(await firsts(folder)).toEqual([1]);
  });
});

describe("the limit", () => {
  const age = (model: string, seconds: number): void => {
    const at = Date.now() / 1000 - seconds;
    for (const name of there(model)) utimesSync(join(base, model, name), at, at);
  };

  test("is for all models together, and the least recently used go first", async () => {
    const small = open(1e9, { model: "small" });
    await write(small, held(1));
    age("small", 100);
    await write(open(), held(2));
    age("tiny", 50);
    const { bytes } = (await open().states(""))[0]!;
    await write(open(2 * bytes), held(3));
    expect([await firsts(small), await firsts(open())]).toEqual([[], [2, 3]]);
  });

  test("counts a state as used when it is loaded", async () => {
    const folder = open();
    for (const from of [1, 2]) await write(folder, held(from));
    age("tiny", 100);
    const first = (await folder.states("")).find(({ tokens }) => tokens[0] === 1)!;
    await loaded(folder, first);
    await write(open(2 * first.bytes), held(3));
    expect(await firsts(folder)).toEqual([1, 3]);
  });

  test("refuses what is larger by itself, and nothing goes for it", async () => {
    await write(open(), held(1));
    const { bytes } = (await open().states(""))[0]!;
    expect(await write(open(bytes), held(9, 100))).toBe(false);
    expect(await firsts(open())).toEqual([1]);
    expect(there()).toHaveLength(1);
  });

  test("removes what a killed engine has left, but not what may still be written", async () => {
    const folder = open();
    const [old, fresh] = [await folder.begin("", held(1)), await folder.begin("", held(2))];
    utimesSync(old, 0, Date.now() / 1000 - 3600);
    await folder.evict();
    expect([existsSync(old), existsSync(fresh)]).toEqual([false, true]);
  });
});

describe("two engines in one folder", () => {
  test("see what the other one writes, and do without what it removes", async () => {
    const [one, two] = [open(), open()];
    await write(one, held(1));
    const [state] = await two.states("");
    await expect(loaded(one, state!, new BadStateError("It cannot be loaded."))).rejects.toThrow(BadStateError);
    expect(await loaded(two, state!).catch((error: NodeJS.ErrnoException) => error.code)).toBe("ENOENT");
    expect(await two.states("")).toEqual([]);
    await write(one, held(5));
    expect(await firsts(two)).toEqual([5]);
  });

  test("may write, read and evict at once", async () => {
    const folders = [open(2_000), open(2_000)];
    const rounds = Array.from({ length: 30 }, (_, i) => i);
    await Promise.all(
      folders.map(async (folder, n) => {
        for (const i of rounds) {
          await write(folder, held(1000 * n + i));
          await folder.states("");
        }
      }),
    );
    const left = await open().states("");
    expect(left.length).toBeGreaterThan(0);
    for (const state of left) await loaded(open(), state);
    expect(left.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(2_000);
    expect(there().filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });
});

describe("a data folder that is another one by now, or gone", () => {
  test("gets no state, and is not made anew", async () => {
    mkdirSync(base);
    const within = { folder: base, id: await folderIdOf(base) };
    const states = createStateFolder({ folder: join(base, "kv-cache", "tiny"), bytes: 1e9, within }, embeddedStateFormat(KEY));
    const begin = () =>
      states.begin("", held(1)).then(
        () => "begun",
        (error: Error) => error.message,
      );
    expect(await begin()).toBe("begun");
    renameSync(base, `${base}-moved`);
    expect(await begin()).toContain("ENOENT");
    expect(existsSync(base)).toBe(false);
    mkdirSync(base);
    expect(await begin()).toBe("The data folder is another one.");
    expect(readdirSync(base)).toEqual([]);
  });
});
