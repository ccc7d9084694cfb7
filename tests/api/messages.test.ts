// /v1/threads/{thread_id}/messages: what is said, read, marked and taken back, and what is refused.
import { describe, expect, test } from "bun:test";
import { errorOf, makeApp, NOW } from "../support/app.ts";

const json = async (res: Response): Promise<any> => res.json();

async function makeThread(body: object = {}) {
  const app = makeApp();
  const { id } = await json(await app.post("/v1/threads", body));
  const path = `/v1/threads/${id}/messages`;
  const say = (content: unknown = "hi", more: object = {}) => app.post(path, { role: "user", content, ...more });
  return { ...app, id, path, say };
}

describe("a new message", () => {
  test("is the document's, and complete", async () => {
    const { id, say } = await makeThread();
    const res = await say("hi", { metadata: { mood: "good" }, file_ids: ["file-1"] });
    expect(res.status).toBe(200);
    expect(await json(res)).toEqual({
      id: expect.stringMatching(/^msg_[0-9a-hjkmnp-tv-z]{26}$/),
      object: "thread.message",
      created_at: NOW,
      thread_id: id,
      role: "user",
      content: [{ type: "text", text: { value: "hi", annotations: [] } }],
      file_ids: ["file-1"],
      assistant_id: "",
      run_id: "",
      metadata: { mood: "good" },
      status: "completed",
      completed_at: NOW,
    });
  });

  test("lists the files that it names, each with an address of its own", async () => {
    const { path, say, request } = await makeThread();
    const { id } = await json(await say("hi", { file_ids: ["file-1", "file/2"] }));
    const file = (id_of_file: string) => ({ id: id_of_file, object: "thread.message.file", created_at: NOW, message_id: id });
    const files = await json(await request(`${path}/${id}/files`));
    expect(files).toEqual({ object: "list", data: [file("file-1"), file("file/2")] });
    expect(await json(await request(`${path}/${id}/files/file%2F2`))).toEqual(file("file/2"));
    expect(await errorOf(await request(`${path}/${id}/files/file-3`))).toMatchObject({ status: 404, code: "file_not_found" });
    expect(await errorOf(await request(`${path}/msg_x/files`))).toMatchObject({ status: 404, code: "message_not_found" });
  });

  test("has null where OpenAI's clients look for it", async () => {
    const { path, post, request } = await makeThread();
    const headers = { "openai-beta": "assistants=v2" };
    const res = await post(path, { role: "user", content: "hi" }, { headers });
    const made = await json(res);
    const openai = { attachments: [], incomplete_details: null, incomplete_at: null };
    expect(made).toMatchObject({ assistant_id: null, run_id: null, ...openai });
    expect(res.headers.get("vary")).toContain("OpenAI-Beta");
    expect((await json(await request(path, { headers }))).data).toEqual([made]);
    for (const name of Object.keys(openai)) expect(await json(await request(`${path}/${made.id}`))).not.toHaveProperty(name);
  });

  test("of an assistant is the thread's assistant's", async () => {
    const { path, post } = await makeThread();
    expect(await json(await post(path, { role: "assistant", content: "hi" }))).toMatchObject({ assistant_id: "jan" });
  });

  test("keeps every valid string as it was sent, and each part apart", async () => {
    const { say, path, request } = await makeThread();
    const odd = ["\u0000", "\ud800", "👩‍👩‍👧", "‮", "a\r\nb", "\u2028", '"}', "x".repeat(100_000)];
    const { id } = await json(await say(odd.map((text) => ({ type: "text", text }))));
    const { content } = await json(await request(`${path}/${id}`));
    expect(content.map(({ text }: any) => text.value)).toEqual(odd);
  });

  test("may be an answer of this API, sent back", async () => {
    const { say } = await makeThread();
    const { content } = await json(await say("hi"));
    expect((await json(await say(content))).content).toEqual(content);
  });

  const REFUSED: [name: string, body: unknown, param: string, code: string][] = [
    ["no role", { content: "x" }, "role", "missing_required_parameter"],
    ["an unknown role", { role: "system", content: "x" }, "role", "invalid_value"],
    ["no content", { role: "user" }, "content", "missing_required_parameter"],
    ["a number as content", { role: "user", content: 5 }, "content", "invalid_type"],
    ["an empty content", { role: "user", content: "" }, "content", "invalid_value"],
    ["no parts", { role: "user", content: [] }, "content", "invalid_value"],
    ["a part without text", { role: "user", content: [{ type: "text" }] }, "content[0]", "invalid_type"],
    [
      "an image",
      { role: "user", content: [{ type: "image_url", image_url: { url: "x" } }] },
      "content[0]",
      "unsupported_content",
    ],
    ["metadata that is a string", { role: "user", content: "x", metadata: "y" }, "metadata", "invalid_type"],
    ["files", { role: "user", content: "x", attachments: [{ file_id: "f" }] }, "attachments", "unsupported_parameter"],
  ];
  test.each(REFUSED)("B-41: %s is refused", async (_, body, param, code) => {
    const { path, post, store, id } = await makeThread();
    expect(await errorOf(await post(path, body))).toMatchObject({ status: 400, param, code });
    expect(await store.messages(id).ids()).toEqual([]);
  });

  test("B-42: needs its thread", async () => {
    const { post } = makeApp();
    for (const id of ["nope", "..%2fx", "thread_01jd4rfm6w0h6ftx2qk4w8j3vz"]) {
      const res = await post(`/v1/threads/${id}/messages`, { role: "user", content: "x" });
      expect(await errorOf(res)).toMatchObject({ status: 404, param: "thread_id", code: "thread_not_found" });
    }
  });

  test("B-43: is at most 1 MiB", async () => {
    const { say } = await makeThread();
    expect(await errorOf(await say("x".repeat(2 ** 20)))).toMatchObject({ status: 413, code: "request_too_large" });
  });

  test("to a thread that is being deleted is either there before it or refused; none is left over", async () => {
    const { say, request, id, store } = await makeThread();
    const [deleted, ...said] = await Promise.all([
      request(`/v1/threads/${id}`, { method: "DELETE" }),
      ...Array.from({ length: 20 }, (_, i) => say(`${i}`)),
    ]);
    expect(deleted.status).toBe(200);
    for (const res of said) expect([200, 404]).toContain(res.status);
    expect(await store.messages(id).ids()).toEqual([]);
  });
});

describe("a message", () => {
  test("is found in its own thread only", async () => {
    const { say, path, request, post } = await makeThread();
    const message = await json(await say());
    expect(await json(await request(`${path}/${message.id}`))).toEqual(message);
    const other = await json(await post("/v1/threads", {}));
    const missing = { status: 404, param: "message_id", code: "message_not_found" };
    for (const at of [`/v1/threads/${other.id}/messages/${message.id}`, `${path}/nope`, `${path}/..%2f..%2fx`, `${path}/%00`]) {
      expect(await errorOf(await request(at))).toMatchObject(missing);
      expect(await errorOf(await post(at, {}))).toMatchObject(missing);
      expect(await errorOf(await request(at, { method: "DELETE" }))).toMatchObject(missing);
    }
  });

  for (const method of ["PATCH", "POST"]) {
    test(`${method} changes its metadata and nothing else`, async () => {
      const { say, path, post, request } = await makeThread();
      const message = await json(await say("hi", { metadata: { a: "1" } }));
      const change = { metadata: { a: null, b: "2" }, content: "other", role: "assistant" };
      const changed = { ...message, metadata: { b: "2" } };
      expect(await json(await post(`${path}/${message.id}`, change, { method }))).toEqual(changed);
      expect(await json(await request(`${path}/${message.id}`))).toEqual(changed);
    });
  }

  test("is deleted once", async () => {
    const { say, path, request } = await makeThread();
    const { id } = await json(await say());
    const remove = () => request(`${path}/${id}`, { method: "DELETE" });
    expect(await json(await remove())).toEqual({ id, object: "thread.message.deleted", deleted: true });
    expect(await errorOf(await remove())).toMatchObject({ status: 404, code: "message_not_found" });
  });
});

describe("the list", () => {
  test("holds the newest first, 20 at a time", async () => {
    const { say, path, request } = await makeThread();
    const ids: string[] = [];
    for (let i = 0; i < 25; i++) ids.unshift((await json(await say(`${i}`))).id);
    const first = await json(await request(path));
    expect(first).toMatchObject({ object: "list", first_id: ids[0], last_id: ids[19], has_more: true });
    expect(first.data.map(({ id }: any) => id)).toEqual(ids.slice(0, 20));
    const rest = await json(await request(`${path}?after=${first.last_id}`));
    expect(rest).toMatchObject({ first_id: ids[20], last_id: ids[24], has_more: false });
    const oldest = await json(await request(`${path}?order=asc&limit=2`));
    expect(oldest.data.map(({ id }: any) => id)).toEqual([ids[24], ids[23]]);
  });

  test("of nothing is an empty list", async () => {
    const { path, request } = await makeThread();
    expect(await json(await request(path))).toEqual({
      ...{ object: "list", data: [], first_id: null, last_id: null, has_more: false },
    });
  });

  test("goes on while messages are deleted", async () => {
    const { say, path, request } = await makeThread();
    const ids = await Promise.all(Array.from({ length: 40 }, async (_, i) => (await json(await say(`${i}`))).id as string));
    const [list] = await Promise.all([
      request(`${path}?limit=100`),
      ...ids.slice(0, 20).map((id) => request(`${path}/${id}`, { method: "DELETE" })),
    ]);
    const { data } = await json(list);
    const listed = new Set(data.map(({ id }: any) => id));
    for (const id of ids.slice(20)) expect(listed).toContain(id);
    expect((await json(await request(`${path}?limit=100`))).data).toHaveLength(20);
  });

  test("B-15: refuses a page that cannot be", async () => {
    const { path, request } = await makeThread();
    for (const [param, value] of [
      ["limit", "0"],
      ["limit", "101"],
      ["order", "x"],
      ["after", "nope"],
      ["before", "nope"],
    ]) {
      const error = await errorOf(await request(`${path}?${param}=${value}`));
      expect(error).toMatchObject({ status: 400, param, code: "invalid_value" });
    }
  });
});
