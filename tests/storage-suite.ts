// What every driver must do for the store, whatever else it can. Each test has a place of its own and is given it empty.
import { afterEach, describe, expect, test } from "bun:test";
import type { Assistant } from "../src/storage/entities.ts";
import type { Store } from "../src/storage/store.ts";
import { assistant, failure, message, model, textOf, thread } from "./support/records.ts";

/** Where a store can be opened, more than once: a later one sees what an earlier one has written, and nothing that it remembers. */
export interface Place {
  open(): Promise<Store>;
  end(): Promise<void>;
}

const ODD_STRINGS = {
  nul: "a\0b",
  surrogates: "\ud800 \udc00\ud83d",
  emoji: "👩‍👩‍👧‍👦 ❤️",
  number: "123",
  boolean: "true",
  nothing: "null",
  json: '{"a":1}',
  lines: "\r\n\t\u2028\u2029\u0085",
  empty: "",
  bom: "\ufeffa\ufeff",
  "": "a key without a letter",
  constructor: "c",
  prototype: "p",
  toString: "t",
  "a.b[0]$": "k",
  "\0\ud800": "odd key",
  "\u00e9": "NFC",
  "e\u0301": "NFD",
  long: "x".repeat(10_240),
};

const ODD_MODEL_IDS = [
  "x".repeat(121),
  "X".repeat(512),
  "Ä".repeat(256),
  ...[
    "a/b",
    "a:b",
    "a//b",
    "a::b",
    "q?one",
    "q?two",
    "q",
    "100%",
    "a%2fb",
    "a\\b",
    "cost$",
    "cost",
    "$",
    "..",
    ".",
    "../../x",
    " ",
  ],
  ...[
    "Größe",
    "GRÖSSE",
    "größe",
    "Model",
    "model",
    "con",
    "aux.json",
    "node_modules",
    ".git",
    "nul.json",
    "a.",
    "a ",
    "a.json",
    "a",
  ],
  ...[
    "日本語",
    "\u00e9",
    "e\u0301",
    "👍",
    "\ud800",
    "\udfff",
    "a\0b",
    "__proto__",
    "constructor",
    "ingle.json",
    "*",
    "[ab]",
    "x|y",
    "_",
    "__",
  ],
  "l".repeat(120),
];

export function storeSuite(name: string, place: () => Promise<Place>): void {
  const places: Place[] = [];
  afterEach(async () => {
    for (const used of places.splice(0)) await used.end();
  });
  const made = async () => {
    const here = await place();
    places.push(here);
    return { store: await here.open(), reopened: here.open };
  };

  describe(`the store on ${name}`, () => {
    test("a record is created, read, listed, changed and removed", async () => {
      const { store, reopened } = await made();
      const { thread: first } = await store.conversations.create(thread("one"));
      expect(await store.threads.get(first.id)).toEqual(first);
      expect(await store.threads.list({})).toEqual({
        ...{ object: "list", data: [first], has_more: false },
        first_id: first.id,
        last_id: first.id,
      });
      const changed = await store.threads.patch(first.id, (old) => ({ ...old, title: "two" }));
      expect(changed).toEqual({ ...first, title: "two" });
      expect(await (await reopened()).threads.get(first.id)).toEqual(changed);
      expect(await store.threads.remove(first.id)).toBe(true);
      expect(await store.threads.remove(first.id)).toBe(false);
      for (const store of [await reopened(), await reopened()]) {
        expect(await store.threads.get(first.id)).toBeUndefined();
        expect(await store.threads.ids()).toEqual([]);
        expect(await store.threads.patch(first.id, (old) => old)).toBeUndefined();
      }
    });

    test("all kinds of records live beside each other", async () => {
      const { store, reopened } = await made();
      const own = assistant(await store.newAssistantId());
      await store.assistants.put(own);
      await store.assistants.put(assistant("jan", { name: "changed" }));
      await store.models.put(model("m"));
      const { thread: t } = await store.conversations.create(thread(), [message("hi")]);
      const fresh = await reopened();
      expect(await fresh.assistants.ids()).toEqual([own.id, "jan"]);
      expect((await fresh.assistants.get("jan"))?.name).toBe("changed");
      expect(await fresh.models.ids()).toEqual(["m"]);
      expect(await fresh.threads.ids()).toEqual([t.id]);
      expect(await fresh.messages(t.id).ids()).toHaveLength(1);
    });

    test("a patch of what is not there takes its initial value", async () => {
      const { store, reopened } = await made();
      const change = (old: Assistant) => ({ ...old, version: old.version + 1 });
      await Promise.all(Array.from({ length: 5 }, () => store.assistants.patch("jan", change, assistant("jan"))));
      expect((await (await reopened()).assistants.get("jan"))?.version).toBe(6);
    });

    test("ids grow, so that the order of a list is the order of creation", async () => {
      const { store, reopened } = await made();
      const ids: string[] = [];
      for (let i = 0; i < 30; i++) ids.push((await store.conversations.create(thread(`${i}`))).thread.id);
      expect(ids).toEqual(ids.toSorted());
      expect(await (await reopened()).threads.ids()).toEqual(ids);
      const { data } = await store.threads.list({ order: "asc", limit: 100 });
      expect(data.map(({ title }) => title)).toEqual(ids.map((_, i) => `${i}`));
    });

    test("pages go forwards and backwards, in both orders", async () => {
      const { store } = await made();
      const { thread: t } = await store.conversations.create(
        thread(),
        Array.from({ length: 9 }, (_, i) => message(`${i}`)),
      );
      const messages = store.messages(t.id);
      const ids = await messages.ids();
      const page = async (query: Parameters<typeof messages.list>[0]) => {
        const { data, has_more, first_id, last_id } = await messages.list(query);
        expect([first_id, last_id]).toEqual([data[0]?.id ?? null, data.at(-1)?.id ?? null]);
        return `${data.map(textOf).join("")}${has_more ? "+" : ""}`;
      };
      expect(await page({})).toBe("876543210");
      expect(await page({ order: "asc" })).toBe("012345678");
      expect(await page({ limit: 4 })).toBe("8765+");
      expect(await page({ limit: 9 })).toBe("876543210");
      expect(await page({ limit: 4, after: ids[5]! })).toBe("4321+");
      expect(await page({ limit: 4, after: ids[3]! })).toBe("210");
      expect(await page({ limit: 4, order: "asc", after: ids[3]! })).toBe("4567+");
      expect(await page({ limit: 3, before: ids[3]! })).toBe("654+");
      expect(await page({ limit: 3, order: "asc", before: ids[3]! })).toBe("012");
      expect(await page({ limit: 3, order: "asc", before: ids[5]! })).toBe("234+");
      expect(await page({ after: ids[7]!, before: ids[4]! })).toBe("65");
      expect(await page({ after: ids[0]! })).toBe("");
      expect(await page({ before: ids[8]! })).toBe("");
    });

    test("a cursor that is not in the list is refused, also one that was removed", async () => {
      const { store } = await made();
      const { thread: t, messages } = await store.conversations.create(thread(), [message("a"), message("b")]);
      await store.conversations.removeMessage(t.id, messages[0]!.id);
      for (const id of [messages[0]!.id, "msg_7zzzzzzzzzzzzzzzzzzzzzzzzz", "nonsense", "../x", ""]) {
        expect(await failure(store.messages(t.id).list({ after: id }))).toMatchObject({
          status: 400,
          code: "invalid_value",
          param: "after",
        });
        expect(await failure(store.messages(t.id).list({ before: id }))).toMatchObject({ status: 400, param: "before" });
      }
    });

    test("strings of every kind come back as they were", async () => {
      const { store, reopened } = await made();
      const metadata: Record<string, unknown> = { ...ODD_STRINGS, nested: { constructor: ["123", 123, true, null] } };
      Object.defineProperty(metadata, "__proto__", { value: "own", enumerable: true, configurable: true, writable: true });
      const created = await store.conversations.create(thread("123", { metadata }), [
        message("true"),
        message("{}", { metadata }),
      ]);
      const fresh = await reopened();
      const back = (await fresh.threads.get(created.thread.id))!;
      expect(JSON.stringify(back)).toBe(JSON.stringify(created.thread));
      expect(Object.entries(back.metadata)).toEqual(Object.entries(metadata));
      expect((await fresh.messages(back.id).getMany(await fresh.messages(back.id).ids())).map(textOf)).toEqual(["true", "{}"]);
    });

    test("fields that this version does not know survive a change", async () => {
      const { store, reopened } = await made();
      const { thread: t } = await store.conversations.create(thread("", { tool_resources: { later: ["x"] } }));
      await (await reopened()).threads.patch(t.id, (old) => ({ ...old, title: "new" }));
      expect(await (await reopened()).threads.get(t.id)).toEqual({ ...t, title: "new" });
    });

    test("model ids of every kind are records of their own", async () => {
      const { store, reopened } = await made();
      for (const id of ODD_MODEL_IDS) await store.models.put(model(id));
      const fresh = await reopened();
      expect(await fresh.models.ids()).toEqual(ODD_MODEL_IDS.toSorted());
      for (const id of ODD_MODEL_IDS) expect((await fresh.models.get(id))?.name).toBe(id);
      expect(await fresh.models.remove("a/b")).toBe(true);
      expect(await fresh.models.remove("q?one")).toBe(true);
      const left = ODD_MODEL_IDS.filter((id) => id !== "a/b" && id !== "q?one");
      expect((await (await reopened()).models.getMany(left)).map(({ id }) => id)).toEqual(left);
    });

    test("an id that nothing can be stored under is simply not there", async () => {
      const { store } = await made();
      for (const id of ["x".repeat(121), "X".repeat(200), "\ud800".repeat(100_000)]) {
        expect(await store.models.get(id)).toBeUndefined();
        expect(await store.models.remove(id)).toBe(false);
        expect(await store.models.patch(id, (old) => old)).toBeUndefined();
      }
      for (const id of [
        "",
        "..",
        "thread_",
        "jan",
        "thread_../../../../../../etc/pa",
        "THREAD_01JD0000000000000000000000",
        "a:b",
        "a$",
      ]) {
        expect(await store.threads.get(id)).toBeUndefined();
        expect(await store.threads.remove(id)).toBe(false);
        expect(await failure(store.conversations.addMessage(id, () => message("")))).toMatchObject({
          status: 404,
          code: "thread_not_found",
        });
      }
    });

    test("200 changes of one record at once are all made", async () => {
      const { store, reopened } = await made();
      const { thread: t } = await store.conversations.create(thread("", { metadata: { count: 0 } }));
      const more = () => store.threads.patch(t.id, (old) => ({ ...old, metadata: { count: Number(old.metadata["count"]) + 1 } }));
      await Promise.all(Array.from({ length: 200 }, more));
      expect((await (await reopened()).threads.get(t.id))?.metadata).toEqual({ count: 200 });
    });

    test("messages added while their thread is removed are there or refused, and none is left behind", async () => {
      const { store, reopened } = await made();
      for (let round = 0; round < 5; round++) {
        const { thread: t } = await store.conversations.create(thread(), [message("first")]);
        const adding = Array.from({ length: 20 }, (_, i) => {
          return store.conversations.addMessage(t.id, () => message(`${i}`)).then(textOf, ({ status }) => status);
        });
        const removing = store.conversations.remove(t.id);
        const late = Array.from({ length: 20 }, (_, i) => {
          return store.conversations.addMessage(t.id, () => message(`${i}`)).then(textOf, ({ status }) => status);
        });
        expect(await removing).toBe(true);
        for (const [i, answer] of (await Promise.all([...adding, ...late])).entries())
          expect([404, `${i % 20}`]).toContain(answer);
        expect(await (await reopened()).messages(t.id).ids()).toEqual([]);
      }
      expect(await (await reopened()).threads.ids()).toEqual([]);
    });

    test("a list that is asked for during removals holds what is there, and nothing twice", async () => {
      const { store } = await made();
      const ids: string[] = [];
      for (let i = 0; i < 40; i++) ids.push((await store.conversations.create(thread(`${i}`))).thread.id);
      const removing = ids.filter((_, i) => i % 2 === 0).map((id) => store.conversations.remove(id));
      const lists = Array.from({ length: 10 }, () => store.threads.list({ limit: 15, order: "asc" }));
      for (const { data } of await Promise.all(lists)) {
        const found = data.map(({ id }) => id);
        expect(found).toEqual([...new Set(found)].toSorted());
        expect(found.length).toBeGreaterThanOrEqual(15);
      }
      await Promise.all(removing);
      expect(await store.threads.ids()).toEqual(ids.filter((_, i) => i % 2 === 1));
    });

    test("removing a thread touches no other one's messages", async () => {
      const { store, reopened } = await made();
      const all = await Promise.all(Array.from({ length: 5 }, (_, i) => store.conversations.create(thread(), [message(`${i}`)])));
      all.sort((a, b) => (a.thread.id < b.thread.id ? -1 : 1));
      expect(await store.conversations.remove(all[2]!.thread.id)).toBe(true);
      const fresh = await reopened();
      for (const [i, { thread: t, messages }] of all.entries()) {
        const ids = i === 2 ? [] : messages.map(({ id }) => id);
        expect(await fresh.messages(t.id).ids()).toEqual(ids);
        expect(await fresh.messages(t.id).getMany(ids)).toEqual(i === 2 ? [] : messages);
      }
    });

    test("a message belongs to its thread alone", async () => {
      const { store } = await made();
      const { thread: one, messages } = await store.conversations.create(thread(), [message("a")]);
      const { thread: two } = await store.conversations.create(thread());
      const { id } = messages[0]!;
      expect(await store.conversations.patchMessage(two.id, id, (old) => old)).toBeUndefined();
      expect(await store.conversations.removeMessage(two.id, id)).toBe(false);
      expect(await store.messages(two.id).get(id)).toBeUndefined();
      expect((await store.conversations.patchMessage(one.id, id, (old) => ({ ...old, metadata: { a: "1" } })))?.metadata).toEqual(
        { a: "1" },
      );
    });
  });
}
