// The ids in memory: what a page is cut from.
import { describe, expect, test } from "bun:test";
import { createIdIndex } from "../../src/storage/id-index.ts";

const none = (): Promise<string[]> => Promise.reject(new Error("They were read already."));

describe("the index of ids", () => {
  test("is what was written and removed since, in order, and a list that was given out stays as it was", async () => {
    const index = createIdIndex();
    const there = new Set(["m", "c"]);
    const given: { list: readonly string[]; was: string[] }[] = [];
    const give = (list: readonly string[]): void => {
      expect(list).toEqual([...there].toSorted());
      given.push({ list, was: [...list] });
    };
    give(await index.ids("a", async () => [...there]));
    let dice = 1;
    const roll = (sides: number): number => ((dice = (dice * 48_271) % 2_147_483_647) >> 8) % sides;
    for (let step = 0; step < 3_000; step++) {
      const id = String.fromCodePoint(97 + roll(26), 97 + roll(4));
      if (roll(3) > 0) {
        there.add(id);
        await index.add("a", id);
      } else {
        there.delete(id);
        await index.remove("a", id);
      }
      if (roll(3) > 0) continue;
      expect(index.peek("a")).toEqual([...there].toSorted());
      if (roll(2) > 0) give(roll(2) > 0 ? await index.ids("a", none) : index.cached("a")!);
    }
    expect(given.length).toBeGreaterThan(300);
    for (const { list, was } of given) expect(list).toEqual(was);
  });

  test("knows what was written while they were read, and whoever waited for that has them as they were", async () => {
    const index = createIdIndex();
    const reading = Promise.withResolvers<string[]>();
    const [one, other] = [index.ids("a", () => reading.promise), index.ids("a", none)];
    const added = index.add("a", "b");
    reading.resolve(["c", "a"]);
    await added;
    expect([await one, await other, index.cached("a")]).toEqual([
      ["a", "c"],
      ["a", "c"],
      ["a", "b", "c"],
    ]);
  });

  test("of many bases knows those that were used last", async () => {
    const index = createIdIndex();
    const many = Array.from({ length: 400_000 }, (_, n) => String(n));
    for (const base of ["a", "b"]) await index.ids(base, async () => many.slice());
    for (let n = 0; n < 10; n++) await index.add("a", `x${n}`);
    await index.ids("c", async () => many.slice());
    expect(["a", "b", "c"].map((base) => index.peek(base)?.length)).toEqual([400_010, undefined, 400_000]);
  });
});
