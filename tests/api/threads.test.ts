// /v1/threads: what is created, read, changed, listed and deleted, and what is refused.
import { describe, expect, test } from "bun:test";
import { errorOf, makeApp, NOW } from "../support/app.ts";

const THREAD_ID = /^thread_[0-9a-hjkmnp-tv-z]{26}$/;
const json = async (res: Response): Promise<any> => res.json();

async function made(app: ReturnType<typeof makeApp>, body: object = {}): Promise<any> {
  const res = await app.post("/v1/threads", body);
  expect(res.status).toBe(200);
  return res.json();
}

/** `count` threads, the oldest first. */
async function several(app: ReturnType<typeof makeApp>, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < count; i++) ids.push((await made(app, { title: `T${i}` })).id);
  return ids;
}

test("what is in memory is answered without a promise, with the headers of every answer", async () => {
  const app = makeApp();
  const { id } = await made(app);
  const ask = () => app.app.fetch(new Request(`http://localhost/v1/threads/${id}`, { headers: { host: "localhost" } }));
  await ask();
  const answer = ask();
  if (!(answer instanceof Response)) throw new Error("The answer is a promise.");
  expect(Object.fromEntries(answer.headers)).toEqual({
    ...{ "content-type": "application/json", "x-request-id": expect.stringMatching(/^req_/), "cache-control": "no-store" },
    ...{ "x-content-type-options": "nosniff", "cross-origin-resource-policy": "same-origin" },
  });
});

describe("a new thread", () => {
  test("is the document's, with its time under both names", async () => {
    const app = makeApp();
    const metadata = { topic: "cats", nested: { a: [1, { b: null }] } };
    expect(await made(app, { title: "Cats", metadata })).toEqual({
      id: expect.stringMatching(THREAD_ID),
      object: "thread",
      title: "Cats",
      created: NOW,
      created_at: NOW,
      assistants: [{ assistant_id: "jan", assistant_name: "Jan", instructions: "You are a helpful assistant." }],
      metadata,
    });
  });

  test("has tool_resources for OpenAI's clients, in every answer", async () => {
    const app = makeApp();
    const headers = { "openai-beta": "assistants=v2" };
    const first = await app.post("/v1/threads", {}, { headers });
    const { id, ...made } = await json(first);
    const read = await app.request(`/v1/threads/${id}`, { headers });
    const [changed, { data }] = await Promise.all([
      json(await app.post(`/v1/threads/${id}`, { title: "x" }, { headers })),
      json(await app.request("/v1/threads", { headers })),
    ]);
    for (const thread of [made, changed, data[0], await json(read)]) expect(thread.tool_resources).toEqual({});
    expect(await json(await app.request(`/v1/threads/${id}`))).not.toHaveProperty("tool_resources");
  });

  test("says of its assistants what they are called and told, unless it says so itself", async () => {
    const app = makeApp();
    const assistant_id = (await json(await app.post("/v1/assistants", { name: "Ada", instructions: "Count." }))).id;
    const own = { assistant_id: "jan", assistant_name: "J", instructions: "", model: { id: "tiny" } };
    const { id, assistants } = await made(app, { assistants: [{ assistant_id }, own] });
    expect(assistants).toEqual([{ assistant_id, assistant_name: "Ada", instructions: "Count." }, own]);
    await app.post(`/v1/assistants/${assistant_id}`, { instructions: "Add." });
    const [listed] = await json(await app.request("/v1/threads"));
    expect(listed.assistants[0]).toEqual({ assistant_id, assistant_name: "Ada", instructions: "Add." });
    expect((await json(await app.post(`/v1/threads/${id}`, { title: "x", assistants: listed.assistants }))).title).toBe("x");
    await app.request(`/v1/assistants/${assistant_id}`, { method: "DELETE" });
    const [later] = await json(await app.request("/v1/threads"));
    expect(later.assistants[0]).toEqual({ assistant_id, assistant_name: "", instructions: "" });
  });

  test("B-01: needs no body", async () => {
    const { request } = makeApp();
    for (const init of [{}, { headers: { "content-type": "application/json" } }]) {
      const res = await request("/v1/threads", { method: "POST", ...init });
      expect(await json(res)).toMatchObject({ title: "", assistants: [{ assistant_id: "jan" }], metadata: {} });
    }
  });

  test("keeps what its assistants override, and no field that the document does not know", async () => {
    const app = makeApp();
    const assistant = {
      assistant_id: "jan",
      assistant_name: "Jan",
      instructions: "Be brief.",
      model: { id: "tiny", settings: { ctx_len: 2048 }, parameters: { temperature: 0 }, engine: "nitro" },
    };
    const { id } = await made(app, { assistants: [{ ...assistant, more: 1 }], secret: "x" });
    expect(await app.store.threads.get(id)).toEqual({
      ...{ id, object: "thread", title: "", created_at: NOW, assistants: [assistant], metadata: {} },
    });
  });

  test("is created with its first messages, in their order", async () => {
    const app = makeApp();
    const messages = [
      { role: "user", content: "one" },
      { role: "assistant", content: [{ type: "text", text: "two" }], metadata: { a: "b" } },
      { role: "user", content: "three" },
    ];
    const { id } = await made(app, { messages });
    const { data } = await json(await app.request(`/v1/threads/${id}/messages?order=asc`));
    expect(data.map(({ role, content }: any) => [role, content[0].text.value])).toEqual([
      ["user", "one"],
      ["assistant", "two"],
      ["user", "three"],
    ]);
    expect((await json(await app.request(`/v1/threads/${id}`))).messages).toEqual(data.map(({ id }: any) => id));
  });

  test("is not created at all when one of its messages is wrong", async () => {
    const app = makeApp();
    const res = await app.post("/v1/threads", {
      messages: [
        { role: "user", content: "fine" },
        { role: "user", content: "" },
      ],
    });
    expect(await errorOf(res)).toMatchObject({ status: 400, param: "messages[1].content", code: "invalid_value" });
    expect(await app.store.threads.ids()).toEqual([]);
  });

  const REFUSED: [name: string, body: unknown, status: number, param: string | null, code: string][] = [
    ["B-37: assistants that are no array", { assistants: {} }, 400, "assistants", "invalid_type"],
    ["B-37: 10,001 assistants", { assistants: Array.from({ length: 10_001 }, () => ({})) }, 400, "assistants", "too_many_items"],
    ["B-37: an assistant that is a number", { assistants: [5] }, 400, "assistants[0]", "invalid_type"],
    ["B-37: an assistant that is an array", { assistants: [[]] }, 400, "assistants[0]", "invalid_type"],
    ["B-37: its model that is an array", { assistants: [{ model: [null] }] }, 400, "assistants[0].model", "invalid_type"],
    ["an object that is no text", { object: {} }, 400, "object", "invalid_type"],
    ["B-38: a title that is a number", { title: 5 }, 400, "title", "invalid_type"],
    ["B-38: a title of 10 KB and one", { title: "x".repeat(10_241) }, 400, "title", "invalid_value"],
    ["B-39: metadata that is an array", { metadata: [] }, 400, "metadata", "invalid_type"],
    ["B-39: metadata of 65 keys", { metadata: keys(65) }, 400, "metadata", "invalid_value"],
    ["B-39: a metadata key of 65 characters", { metadata: { ["k".repeat(65)]: "x" } }, 400, "metadata", "invalid_value"],
    ["B-39: a metadata string of 513 characters", { metadata: { k: "x".repeat(513) } }, 400, "metadata", "invalid_value"],
    ["B-39: metadata 33 deep", { metadata: nested(33) }, 400, "metadata", "invalid_value"],
    ["B-39: 17 KB of metadata", { metadata: { k: Array(40).fill("x".repeat(450)) } }, 400, "metadata", "invalid_value"],
    [
      "B-45: an unknown assistant",
      { assistants: [{ assistant_id: "nope" }] },
      404,
      "assistants[0].assistant_id",
      "assistant_not_found",
    ],
    [
      "B-41: 1,001 messages",
      { messages: Array.from({ length: 1_001 }, () => ({ role: "user", content: "hi" })) },
      400,
      "messages",
      "too_many_items",
    ],
    ["B-39: a number of metadata beyond 64 bits", `{"metadata": {"k": 1e400}}`, 400, "metadata.k", "invalid_value"],
    ["B-03: an array", [], 400, null, "invalid_type"],
    ["B-02: half a body", '{"title', 400, null, "invalid_json"],
    [
      "files for a tool",
      { tool_resources: { file_search: { vector_store_ids: ["vs_1"] } } },
      400,
      "tool_resources",
      "unsupported_parameter",
    ],
  ];
  test.each(REFUSED)("%s is refused", async (_, body, status, param, code) => {
    const app = makeApp();
    expect(await errorOf(await app.post("/v1/threads", body))).toMatchObject({ status, param, code });
    expect(await app.store.threads.ids()).toEqual([]);
  });

  test("metadata at its limits comes back as it was sent", async () => {
    const app = makeApp();
    const metadata = { ["k".repeat(64)]: "x".repeat(512), "\u0000": "\ud800", ["👩‍👩‍👧"]: "‮rtl", nested: nested(31) };
    expect((await made(app, { metadata })).metadata).toEqual(metadata);
    const text = `{"metadata": {"__proto__": "x", "constructor": {"prototype": 1}}}`;
    const stored = await (await app.post("/v1/threads", text)).text();
    expect(stored).toContain(`"metadata":{"__proto__":"x","constructor":{"prototype":1}}`);
    expect(({} as any).prototype).toBeUndefined();
  });
});

describe("a thread", () => {
  test("is answered with the ids of its assistants and messages, and what was configured", async () => {
    const app = makeApp();
    const assistants = [{ assistant_id: "jan", instructions: "Be brief." }];
    const { id } = await made(app, { title: "T", assistants, messages: [{ role: "user", content: "x" }] });
    expect(await json(await app.request(`/v1/threads/${id}`))).toEqual({
      ...{ id, object: "thread", title: "T", created: NOW, created_at: NOW, metadata: {} },
      assistants: ["jan"],
      assistant_configs: assistants,
      messages: [expect.stringMatching(/^msg_/)],
    });
  });

  for (const method of ["PATCH", "POST"]) {
    test(`${method} changes its title, merges its metadata, and null takes a key away`, async () => {
      const app = makeApp();
      const { id } = await made(app, { title: "old", metadata: { a: "1", b: "2" } });
      const change = (body: object) => app.post(`/v1/threads/${id}`, body, { method });
      expect(await json(await change({ title: "new" }))).toMatchObject({ title: "new", metadata: { a: "1", b: "2" } });
      expect(await json(await change({ metadata: { b: null, c: "3" } }))).toMatchObject({
        title: "new",
        metadata: { a: "1", c: "3" },
      });
      expect(await json(await app.request(`/v1/threads/${id}`))).toMatchObject({ title: "new", metadata: { a: "1", c: "3" } });
    });
  }

  test("null stands for what is absent, and empty resources for none", async () => {
    const app = makeApp();
    const nulls = { assistant_name: null, instructions: null, model: null };
    const resources = { code_interpreter: { file_ids: [] }, file_search: { vector_store_ids: [], vector_stores: null } };
    const empty = { title: null, assistants: null, metadata: null, messages: null, tool_resources: resources };
    const plain = await made(app, {});
    expect(await made(app, empty)).toMatchObject({ title: "", assistants: plain.assistants, metadata: {} });
    const model = { id: "tiny", settings: null, parameters: null, engine: null };
    const assistants = [
      { assistant_id: null, ...nulls },
      { assistant_id: "jan", ...nulls, model },
    ];
    const { id } = await made(app, { assistants });
    expect((await json(await app.request(`/v1/threads/${id}`))).assistant_configs).toEqual([
      { assistant_id: "jan" },
      { assistant_id: "jan", model: { id: "tiny" } },
    ]);
  });

  test("a change of its assistants or messages is refused, and what it was answered with passes", async () => {
    const app = makeApp();
    const { id } = await made(app, { title: "old", messages: [{ role: "user", content: "hi" }] });
    const change = (body: object) => app.post(`/v1/threads/${id}`, body, { method: "PATCH" });
    for (const name of ["messages", "assistants"]) {
      const refused = await errorOf(
        await change({ title: "new", [name]: [{ assistant_id: "jan", role: "user", content: "x" }] }),
      );
      expect(refused).toMatchObject({ status: 400, code: "unsupported_parameter", param: name });
    }
    const whole = await json(await app.request(`/v1/threads/${id}`));
    expect(whole).toMatchObject({ title: "old" });
    expect(await json(await change({ ...whole, title: "new" }))).toMatchObject({ title: "new" });
    expect((await change({ assistants: whole.assistant_configs, messages: [] })).status).toBe(200);
    expect((await app.post("/v1/threads/nope", { messages: [1] }, { method: "PATCH" })).status).toBe(404);
  });

  test("B-40: an empty change and nulls change nothing", async () => {
    const app = makeApp();
    const thread = await made(app, { title: "same" });
    const change = (body: object) => app.post(`/v1/threads/${thread.id}`, body, { method: "PATCH" });
    expect(await json(await change({}))).toEqual(thread);
    expect(await json(await change({ title: null, metadata: null, tool_resources: null }))).toEqual(thread);
    expect(await errorOf(await change({ metadata: keys(65) }))).toMatchObject({ status: 400, param: "metadata" });
  });

  test("metadata cannot grow beyond its limits by changes", async () => {
    const app = makeApp();
    const { id } = await made(app, { metadata: keys(60) });
    const res = await app.post(`/v1/threads/${id}`, { metadata: { x1: "", x2: "", x3: "", x4: "", x5: "" } });
    expect(await errorOf(res)).toMatchObject({ status: 400, param: "metadata", code: "invalid_value" });
    expect(Object.keys((await app.store.threads.get(id))!.metadata)).toHaveLength(60);
  });

  test("two clients that change it 200 times at once lose no change", async () => {
    const app = makeApp();
    const { id } = await made(app);
    const client = (name: string) =>
      Promise.all(
        Array.from({ length: 100 }, (_, i) => app.post(`/v1/threads/${id}`, { metadata: { [`${name}${i % 30}`]: `${i}` } })),
      );
    const answers = (await Promise.all([client("a"), client("b")])).flat();
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    const { metadata } = (await app.store.threads.get(id))!;
    for (let i = 70; i < 100; i++) expect([metadata[`a${i % 30}`], metadata[`b${i % 30}`]]).toEqual([`${i}`, `${i}`]);
  });

  test("B-47: is deleted once, and its messages with it", async () => {
    const app = makeApp();
    const { id } = await made(app, { messages: [{ role: "user", content: "x" }] });
    const [message] = await app.store.messages(id).ids();
    const remove = () => app.request(`/v1/threads/${id}`, { method: "DELETE" });
    expect(await json(await remove())).toEqual({ id, object: "thread.deleted", deleted: true });
    expect(await errorOf(await remove())).toMatchObject({ status: 404, code: "thread_not_found" });
    for (const path of [`/v1/threads/${id}`, `/v1/threads/${id}/messages`, `/v1/threads/${id}/messages/${message}`]) {
      expect(await errorOf(await app.request(path))).toMatchObject({ status: 404, param: "thread_id", code: "thread_not_found" });
    }
    expect(await app.store.messages(id).ids()).toEqual([]);
  });

  const MISSING = ["nope", "..%2f..%2fx", "..%5cx", "%00", "thread_01jd4rfm6w0h6ftx2qk4w8j3vz", "__proto__", "x".repeat(3000)];
  test.each(MISSING)("B-35, B-36: %s is a 404 to every method", async (id) => {
    const { request, post } = makeApp();
    for (const res of [
      await request(`/v1/threads/${id}`),
      await post(`/v1/threads/${id}`, { title: "x" }, { method: "PATCH" }),
      await request(`/v1/threads/${id}`, { method: "DELETE" }),
    ]) {
      expect(await errorOf(res)).toMatchObject({ status: 404, param: "thread_id", code: "thread_not_found" });
    }
  });
});

describe("the list", () => {
  test("is an array of all, the newest first, to the document's clients", async () => {
    const app = makeApp();
    const ids = await several(app, 25);
    const list = await json(await app.request("/v1/threads"));
    expect(list.map(({ id }: any) => id)).toEqual(ids.toReversed());
    expect(list[0]).toMatchObject({ object: "thread", title: "T24", created: NOW, assistants: [{ assistant_id: "jan" }] });
  });

  test("is OpenAI's list object where OpenAI's header or a page is asked for, and says what it depends on", async () => {
    const app = makeApp();
    const ids = (await several(app, 25)).toReversed();
    const list = await app.request("/v1/threads", { headers: { "openai-beta": "assistants=v2" } });
    expect(list.headers.get("vary")).toContain("OpenAI-Beta");
    expect(await json(list)).toMatchObject({ object: "list", first_id: ids[0], last_id: ids[19], has_more: true });
    expect(await json(await app.request("/v1/threads?order=asc"))).toMatchObject({
      object: "list",
      first_id: ids[24],
      has_more: true,
    });
    expect(await json(await makeApp().request("/v1/threads?limit=1"))).toEqual({
      ...{ object: "list", data: [], first_id: null, last_id: null, has_more: false },
    });
  });

  test("is read page by page, forwards and back", async () => {
    const app = makeApp();
    const ids = (await several(app, 5)).toReversed();
    const page = async (query: string) => {
      const { data, has_more } = await json(await app.request(`/v1/threads?${query}`));
      return [data.map(({ id }: any) => ids.indexOf(id)), has_more];
    };
    expect(await page("limit=2")).toEqual([[0, 1], true]);
    expect(await page(`limit=2&after=${ids[1]}`)).toEqual([[2, 3], true]);
    expect(await page(`limit=2&after=${ids[3]}`)).toEqual([[4], false]);
    expect(await page(`limit=2&before=${ids[4]}`)).toEqual([[2, 3], true]);
    expect(await page(`limit=2&before=${ids[2]}`)).toEqual([[0, 1], false]);
    expect(await page(`after=${ids[0]}&before=${ids[3]}`)).toEqual([[1, 2], false]);
    expect(await page(`order=asc&limit=2&after=${ids[3]}`)).toEqual([[2, 1], true]);
  });

  const BAD: [query: string, param: string][] = [
    ...["abc", "-1", "0", "1e9", "101", "1.5", ""].map((limit): [string, string] => [`limit=${limit}`, "limit"]),
    ["order=x", "order"],
    ["after=thread_01jd4rfm6w0h6ftx2qk4w8j3vz", "after"],
    ["before=nope", "before"],
  ];
  test.each(BAD)("B-15: %s is refused", async (query, param) => {
    const res = await makeApp().request(`/v1/threads?${query}`);
    expect(await errorOf(res)).toMatchObject({ status: 400, param, code: "invalid_value" });
  });

  test("B-13: PUT is not possible", async () => {
    const res = await makeApp().request("/v1/threads", { method: "PUT" });
    expect(res.headers.get("allow")).toBe("GET, HEAD, POST, OPTIONS");
    expect(await errorOf(res)).toMatchObject({ status: 405, code: "method_not_allowed" });
  });
});

function keys(count: number): object {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, "v"]));
}

/** So many objects within each other. */
function nested(levels: number): object {
  return levels === 1 ? {} : { a: nested(levels - 1) };
}
