// The file of a saved state of llama-server, without llama-server.
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { llamaServerStateFormat, type SavedTokens } from "../../adapters/llama-server/state-file.ts";
import { BadStateError, withFile } from "../../adapters/shared/kv-cache/state-bytes.ts";

describe("a state's file", () => {
  const root = mkdtempSync(join(tmpdir(), "ingle-slot-file-"));
  afterAll(() => rmSync(root, { recursive: true }));
  const KEY = new Uint8Array(32).fill(7);
  const format = llamaServerStateFormat(KEY);
  const path = join(root, "state");
  const TOKENS = [11, 12, 13, 14, 15];
  const held: SavedTokens = { tokens: Uint32Array.from(TOKENS), prompt: 3, exact: 2 };

  const PACKED = [0xffffffff, 1, TOKENS.length, ...TOKENS, 0];
  const CELLS = [2, 0, TOKENS.length, ...TOKENS.flatMap((_, i) => [i, 1, 1])];
  const native = (words: number[] = PACKED, cells: number[] = CELLS, count = words.length): Uint8Array =>
    new Uint8Array(Uint32Array.from([0x67677371, 3, count, ...words, ...cells, 1, 2, 3]).buffer);
  const changed = (list: number[], at: number, value: number): number[] => list.with(at, value);

  /** Seals it, and looks at it as before a restore. */
  const trusted = async (bytes: Uint8Array, as: SavedTokens = held): Promise<boolean> => {
    writeFileSync(path, bytes);
    try {
      await withFile(path, "r+", (file, size) => format.seal(file, size, as));
      await withFile(path, "r", format.verify);
      return true;
    } catch (error) {
      expect(error).toBeInstanceOf(BadStateError);
      return false;
    }
  };

  test("says what it stands for, in both formats that releases of llama-server write", async () => {
    for (const bytes of [native(), native(TOKENS)]) {
      expect(await trusted(bytes)).toBe(true);
      expect(await withFile(path, "r", format.readHeader)).toEqual(held);
      // What llama-server reads is as it wrote it.
      expect(readFileSync(path).subarray(0, bytes.length)).toEqual(Buffer.from(bytes));
    }
  });

  test("of another key is not removed", async () => {
    expect(await trusted(native())).toBe(true);
    expect(await withFile(path, "r", llamaServerStateFormat(new Uint8Array(32)).readHeader)).toBeUndefined();
  });

  test("of an older release, which does not tell its tokens, is no state", async () => {
    expect(await trusted(native())).toBe(true);
    const { length } = native();
    const json = Buffer.from(JSON.stringify({ talk: { marks: ["x"], ends: [0] }, prompt: 3, tokens: TOKENS.length }));
    const tail = new Uint8Array(88);
    new DataView(tail.buffer).setUint32(0, 0x54564b49, true);
    new DataView(tail.buffer).setUint32(4, 1, true);
    new DataView(tail.buffer).setBigUint64(8, BigInt(length), true);
    new DataView(tail.buffer).setUint32(16, json.length, true);
    tail.set(KEY, 24);
    writeFileSync(path, Buffer.concat([native(), json, tail]));
    expect(withFile(path, "r", format.readHeader)).rejects.toBeInstanceOf(BadStateError);
  });

  test("is not trusted where anything in it is not as it should be, whoever made its sum", async () => {
    const BAD: Record<string, Uint8Array> = {
      "an enormous count": native(PACKED, CELLS, 0xffffffff),
      "a count beyond its end": native(PACKED, CELLS, 60),
      "a count of its own": native(PACKED, CELLS, PACKED.length - 1),
      "tokens of another count": native(changed(PACKED, 2, 4)),
      "an enormous count of tokens": native(changed(PACKED, 2, 0xfffffff0)),
      "another way of packing": native(changed(PACKED, 1, 2)),
      images: native(changed(PACKED, PACKED.length - 1, 1)),
      "no cells": native(PACKED, [1, 0]),
      "cells of another count": native(PACKED, changed(CELLS, 2, 4)),
      "an enormous count of cells": native(PACKED, changed(CELLS, 2, 0x7fffffff)),
      "too many streams": native(PACKED, changed(CELLS, 0, 5_000)),
      "cells out of order": native(PACKED, changed(CELLS, 3, 1)),
      "a cell of many conversations": native(PACKED, changed(CELLS, 4, 7)),
      "nothing at all": new Uint8Array(),
      "a few bytes": native().subarray(0, 20),
    };
    for (const [name, bytes] of Object.entries(BAD)) expect([name, await trusted(bytes)]).toEqual([name, false]);
    expect(await trusted(native(), { ...held, tokens: TOKENS.slice(1) })).toBe(false);
  });

  test("is not trusted whichever bit is flipped, and wherever it is cut", async () => {
    await trusted(native());
    const bytes = readFileSync(path);
    const refused = async (changed: Uint8Array): Promise<boolean> => {
      writeFileSync(path, changed);
      return withFile(path, "r", format.readHeader)
        .then(async (head) => head === undefined || (await withFile(path, "r", format.verify), false))
        .catch((error) => error instanceof BadStateError);
    };
    for (let at = 0; at < bytes.length; at++) {
      const flipped = Buffer.from(bytes);
      flipped[at]! ^= 1 << (at % 8);
      expect([at, await refused(flipped), await refused(bytes.subarray(0, at))]).toEqual([at, true, true]);
    }
    expect(await refused(Buffer.concat([bytes, Uint8Array.of(0)]))).toBe(true);
    expect(await refused(bytes)).toBe(false);
  });
});
