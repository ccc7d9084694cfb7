// How many models a client may have pending: each is a record, and nothing is dialled for it.
import { describe, expect, test } from "bun:test";
import { errorOf, makeApp, NOW } from "../support/app.ts";

const KEYS = ["0123456789abcdef", "fedcba9876543210"];
const OPERATOR = "operator-operator-operator";

function makeClients() {
  const made = makeApp({ models: [], guards: { keys: KEYS, operator_key: OPERATOR } });
  const add = (id: string, key = KEYS[0]!, fields: object = {}) =>
    made.post(
      "/v1/models",
      { source_url: `https://models.example/${id}.gguf`, id, ...fields },
      { headers: { authorization: `Bearer ${key}` } },
    );
  const count = async (ids: string[], key?: string) => {
    const statuses = await Promise.all(ids.map(async (id) => (await add(id, key)).status));
    return {
      taken: statuses.filter((status) => status === 200).length,
      refused: statuses.filter((status) => status === 429).length,
    };
  };
  const remove = async (id: string) =>
    (await made.request(`/v1/models/${id}`, { method: "DELETE", headers: { authorization: `Bearer ${KEYS[0]}` } })).status;
  return { ...made, add, count, remove };
}
const names = (prefix: string, count: number) => Array.from({ length: count }, (_, n) => `${prefix}${n}`);

describe("B-60: pending models", () => {
  test("of one key are a hundred at most, also when all are asked for at once", async () => {
    const { add, count, store } = makeClients();
    expect(await count(names("a", 130))).toEqual({ taken: 100, refused: 30 });
    expect(await store.downloads.ids()).toHaveLength(100);
    const response = await add("more");
    expect(response.headers.get("x-should-retry")).toBe("false");
    expect(await errorOf(response)).toMatchObject({
      status: 429,
      code: "too_many_pending",
      message: expect.stringContaining("100 models that this client asked for are pending"),
    });
    // One that is known is no further one, and another client has a hundred of its own.
    expect((await add("a7")).status).toBe(200);
    expect((await add("b", KEYS[1])).status).toBe(200);
  });

  test("that are deleted make room, and so do those that have come", async () => {
    const { add, count, remove, store } = makeClients();
    await count(names("a", 100));
    expect(await remove("a1")).toBe(200);
    expect((await add("c1")).status).toBe(200);
    expect((await add("c2")).status).toBe(429);
    await store.downloads.remove("a2"); // as an installation does
    expect((await add("c2")).status).toBe(200);
    expect((await add("c3")).status).toBe(429);
  });

  test("are counted with those of earlier servers, which know the key by its digest", async () => {
    const { store, add } = makeClients();
    expect((await add("mine")).status).toBe(200);
    const { client, model } = (await store.downloads.get("mine"))!;
    expect(client).toMatch(/^[\w-]{16}$/);
    expect(client).not.toContain(KEYS[0]!.slice(0, 6));
    for (const id of names("old", 99))
      await store.downloads.put({
        id,
        object: "model.download",
        created_at: NOW,
        state: "failed",
        client: client!,
        model: { ...model, id },
      });
    expect((await add("more")).status).toBe(429);
    expect((await add("more", KEYS[1])).status).toBe(200);
  });

  test("of all clients together are a thousand at most, also for the owner", async () => {
    const { store, add } = makeClients();
    await add("first");
    const { client: _, ...record } = (await store.downloads.get("first"))!;
    for (const id of names("m", 998)) await store.downloads.put({ ...record, id, model: { ...record.model, id } });
    expect((await add("last", KEYS[1])).status).toBe(200);
    for (const key of [KEYS[1]!, OPERATOR]) {
      expect(await errorOf(await add("beyond", key))).toMatchObject({
        status: 429,
        code: "too_many_pending",
        message: expect.stringContaining("1000 models"),
      });
    }
  });

  test("of the owner's commands are those of one client, whatever key they have", async () => {
    const { store, add } = makeClients();
    await add("a", OPERATOR);
    const other = makeApp({ models: [], guards: { keys: KEYS, operator_key: "another-another-another" } });
    await other.post(
      "/v1/models",
      { source_url: "https://models.example/a.gguf", id: "a" },
      { headers: { authorization: "Bearer another-another-another" } },
    );
    expect((await other.store.downloads.get("a"))?.client).toBe((await store.downloads.get("a"))!.client);
  });

  test("that were refused leave nothing behind, not even a download", async () => {
    const { count, add, store, downloads } = makeClients();
    await count(names("a", 100));
    expect((await add("more", KEYS[0], { download: true })).status).toBe(429);
    expect([await store.downloads.get("more"), downloads.state("more")]).toEqual([undefined, undefined]);
  });
});
