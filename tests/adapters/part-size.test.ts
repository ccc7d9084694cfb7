// How much of a request's texts a server gets at a time, by a clock of the test's own.
import { expect, test } from "bun:test";
import { createPartSize } from "../../adapters/shared/embeddings/part-size.ts";

function partSize(first = 256, most = 4_096) {
  let time = 1_000;
  const { size, measure } = createPartSize(first, most, () => time);
  /** A part whose answer comes so many milliseconds later. */
  const answer = (sent: number, ms: number): Promise<void> => measure(sent, async () => void (time += ms));
  return { size, answer, measure, pass: (ms: number) => void (time += ms) };
}

test("it is what takes a fifth of a second, by what the last part took", async () => {
  const { size, answer } = partSize();
  expect(size()).toBe(256);
  await answer(256, 512);
  expect(size()).toBe(100);
  await answer(100, 200);
  expect(size()).toBe(100);
});

test("it doubles at most, and stays in its bounds", async () => {
  const { size, answer } = partSize();
  const sizes: number[] = [];
  for (let part = 0; part < 6; part++) {
    await answer(size(), 1);
    sizes.push(size());
  }
  expect(sizes).toEqual([512, 1_024, 2_048, 4_096, 4_096, 4_096]);
  await answer(10, 1_000_000);
  expect(size()).toBe(1);
});

test("the time for which a part waited behind another one is not its own", async () => {
  const { size, measure, pass } = partSize(1_000);
  const [one, other] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const [first, second] = [measure(1_000, () => one.promise), measure(1_000, () => other.promise)];
  pass(400);
  one.resolve();
  await first;
  expect(size()).toBe(500);
  pass(200);
  other.resolve();
  await second;
  expect(size()).toBe(1_000);
});

test("a part that fails says nothing of the next one", async () => {
  const { size, measure } = partSize();
  expect(await measure(256, () => Promise.reject(new Error("gone"))).catch((error: Error) => error.message)).toBe("gone");
  expect(size()).toBe(256);
});
