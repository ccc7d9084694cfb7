import { describe, expect, test } from "bun:test";
import { waitForSlot } from "../../adapters/llama-server/wait-for-slot.ts";

/** Of each look: the tasks whose slots are busy, and whether the second client is still there. */
type Look = [tasks: number[], second: boolean];

const freed = (looks: Look[]): Promise<boolean> => {
  const second = {};
  const running = new Set<object>([second]);
  let count = 0;
  const getJson = (): Promise<unknown> => {
    const [tasks, there] = looks[Math.min(count++, looks.length - 1)]!;
    if (!there) running.delete(second);
    return Promise.resolve(tasks.map((id_task) => ({ id: id_task, id_task, is_processing: true, look: count })));
  };
  const client = { getJson } as unknown as Parameters<typeof waitForSlot>[0];
  return waitForSlot(client, running, 0, AbortSignal.timeout(30_000));
};
const times = (count: number, look: Look): Look[] => Array.from({ length: count }, () => look);

describe("the slot of a client that has left", () => {
  test("is waited for", async () => expect(await freed([...times(3, [[1, 2], true]), [[2], true]])).toBe(true));
  test("is never freed", async () => expect(await freed(times(1, [[1, 2], true]))).toBe(false));
  test("is freed while the next client leaves, whose slot has the whole time again", async () => {
    expect(await freed([...times(3, [[1, 2], true]), ...times(3, [[2], false]), [[], false]])).toBe(true);
  });
  test("is freed while the next client leaves, whose slot is never freed", async () => {
    expect(await freed([...times(3, [[1, 2], true]), [[2], false]])).toBe(false);
  });
});
