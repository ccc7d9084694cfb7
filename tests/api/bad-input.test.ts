// The rows of bad input that need no socket: what is refused, how, and that nothing of it reaches an engine.
import { expect, test } from "bun:test";
import { HI, makeApp, makeModel } from "../support/app.ts";
import { fakeAdapter } from "../support/fake-adapter.ts";
import { framesOf } from "../support/frames.ts";

type Init = RequestInit & { path?: string };
/** Status, `param` and `code`; null is none. */
type Expected = [status: number, param: string | null, code: string] | 200;

const CHAT = "/v1/chat/completions";
const MIB = 2 ** 20;

function makeBad(options: Parameters<typeof makeApp>[0] = {}) {
  const fake = fakeAdapter({ answer: ["Good", " day"] });
  return { ...makeApp({ adapter: fake.adapter, pool: { slots: 1, queue: 0 }, ...options }), fake };
}

async function expectAnswer(made: ReturnType<typeof makeBad>, { path = CHAT, ...init }: Init, expected: Expected) {
  const before = made.fake.generations.length;
  const res = await made.request(path, init);
  if (expected === 200) {
    expect([res.status, res.status === 200 ? "" : await res.text()]).toEqual([200, ""]);
    return res;
  }
  const [status, param, code] = expected;
  const text = await res.text();
  expect([res.status, res.headers.get("content-type")?.split(";")[0]]).toEqual([status, "application/json"]);
  const type = status >= 500 ? "server_error" : "invalid_request_error";
  expect(JSON.parse(text)).toEqual({ error: { message: expect.any(String), type, param, code } });
  expect(text.length).toBeLessThan(700);
  expect(text).not.toMatch(/\bat \S+:\d+|node_modules|\/src\//);
  expect(res.headers.get("x-request-id")).toMatch(/^req_\d+$/);
  // A refused request reaches no engine, and the server lives on.
  expect(made.fake.generations).toHaveLength(before);
  expect((await made.chat()).status).toBe(200);
  return res;
}

const post = (body: BodyInit, headers: Record<string, string> = {}): Init => ({ method: "POST", body, headers });
const chatText = JSON.stringify({ messages: HI });
const keys = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`key${n}`, 1]));

const PROTOCOL: [row: string, init: Init, expected: Expected][] = [
  ["B-01: an empty body", post(""), [400, null, "invalid_json"]],
  ...['{"a', '{"a":1}x', "{'a':1}", "NaN", '{"a":1,}', '{"a":1} // b', '{"a":/* b */1}'].map((text): [string, Init, Expected] => [
    `B-02: ${text}`,
    post(text),
    [400, null, "invalid_json"],
  ]),
  ...["null", "[]", '"x"', "1"].map((text): [string, Init, Expected] => [
    `B-03: ${text}`,
    post(text),
    [400, null, "invalid_type"],
  ]),
  ["B-04: no type", post(new TextEncoder().encode(chatText), { "content-type": "" }), [415, null, "unsupported_media_type"]],
  ...["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonx"].map(
    (type): [string, Init, Expected] => [
      `B-04: ${type}`,
      post(chatText, { "content-type": type }),
      [415, null, "unsupported_media_type"],
    ],
  ),
  ["B-05: a charset", post(chatText, { "content-type": "application/json; charset=utf-8" }), 200],
  ["B-05: capitals", post(chatText, { "content-type": "APPLICATION/JSON" }), 200],
  ["B-06: a leading BOM", post(`\ufeff${chatText}`), 200],
  ["bytes that are no UTF-8", post(new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d])), [400, null, "invalid_encoding"]],
  ["B-07: 65 levels", post(`{"a":${"[".repeat(64)}${"]".repeat(64)}}`), [400, "a", "too_deep"]],
  ["B-07: 400,000 nested arrays", post("[".repeat(400_000)), [400, null, "too_deep"]],
  ["B-11: 100,000 unknown keys", post(JSON.stringify({ messages: HI, ...keys(100_000) })), [400, null, "too_many_properties"]],
  ["B-11: a key of 1 MiB", post(JSON.stringify({ messages: HI, ["k".repeat(MIB)]: 1 })), [400, null, "too_many_properties"]],
  ["B-11: 10 MB of {}", post(`{"messages":[${Array(3_300_000).fill("{}").join(",")}]}`), [400, "messages", "too_many_items"]],
  ["B-26: max_tokens of 1e400", post(chatText.replace("{", `{"max_tokens":1e400,`)), [400, "max_tokens", "invalid_value"]],
  ["B-13: PUT on a list", { path: "/v1/models", method: "PUT" }, [405, null, "method_not_allowed"]],
  ["B-13: a method of WebDAV", { path: "/v1/models", method: "PROPFIND" }, [405, null, "method_not_allowed"]],
  ["B-13: a method of caches", { path: "/v1/threads/x", method: "PURGE" }, [405, null, "method_not_allowed"]],
  ["B-13: GET on an action", { path: CHAT }, [405, null, "method_not_allowed"]],
  ["B-13: DELETE on /health", { path: "/health", method: "DELETE" }, [405, null, "method_not_allowed"]],
  ...["/v1/nope", "//v1/models", "/V1/models", "/v1/chat", "/v1/../v1/nope", "/v1/chat%2fcompletions"].map(
    (path): [string, Init, Expected] => [`B-14: ${path}`, { path }, [404, null, "unknown_url"]],
  ),
  ["B-14: a trailing slash", { path: "/v1/models/" }, 200],
  ["B-14: a trailing slash behind an action", { path: `${CHAT}/`, ...post(chatText) }, 200],
  [
    "B-25: content of 20 MiB",
    post(JSON.stringify({ messages: [{ role: "user", content: "x".repeat(20 * MIB) }] })),
    [413, null, "request_too_large"],
  ],
];

test.each(PROTOCOL)("%s", async (_row, init, expected) => {
  await expectAnswer(makeBad(), init, expected);
});

test("B-08: a body of 10 MiB is read, one byte more is not, declared or not", async () => {
  const made = makeBad();
  const sized = (bytes: number) => JSON.stringify({ messages: HI, pad: "" }).replace('""', `"${"x".repeat(bytes - 54)}"`);
  expect(sized(1000)).toHaveLength(1000);
  await expectAnswer(made, post(sized(10 * MIB)), 200);
  await expectAnswer(made, post(sized(10 * MIB + 1)), [413, null, "request_too_large"]);
  await expectAnswer(made, post("{}", { "content-length": String(10 * MIB + 1) }), [413, null, "request_too_large"]);
});

test("B-08: with a larger body limit, larger bodies are read, with as many more values", async () => {
  const made = makeBad({ guards: { body_limit: 20 * MIB } });
  await expectAnswer(made, post(JSON.stringify({ messages: [{ role: "user", content: "x".repeat(19 * MIB) }] })), 200);
  const values = (count: number) => `{"messages":${JSON.stringify(HI)},"a":[${Array(count).fill("1").join(",")}]}`;
  await expectAnswer(made, post(values(999_990)), 200);
  await expectAnswer(made, post(values(1_000_000)), [400, "a", "too_many_items"]);
});

test("B-10: of two equal keys the last wins", async () => {
  const made = makeBad();
  await expectAnswer(made, post(`{"temperature":5,"messages":${JSON.stringify(HI)},"temperature":0}`), 200);
  expect(made.fake.generations[0]!.request.temperature).toBe(0);
});

test("B-13, B-16: what is possible is said, also to OPTIONS, and nothing of other origins", async () => {
  const { request } = makeBad();
  for (const [path, allow] of [
    ["/v1/models", "GET, HEAD, POST, OPTIONS"],
    ["/v1/models/a/b", "GET, HEAD, PATCH, DELETE, OPTIONS"],
    ["/v1/models/download/a", "GET, HEAD, POST, DELETE, OPTIONS"],
    [CHAT, "POST, OPTIONS"],
    ["/health", "GET, HEAD, OPTIONS"],
  ] as const) {
    expect((await request(path, { method: "PUT" })).headers.get("allow")).toBe(allow);
    const res = await request(path, { method: "OPTIONS" });
    expect([res.status, res.headers.get("allow"), await res.text()]).toEqual([204, allow, ""]);
    expect([...res.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
  }
});

test.each(["/v1/models", "/v1/models/tiny", "/health"])("B-16: HEAD %s is the GET without its body", async (path) => {
  const { request } = makeBad();
  const [head, get] = [await request(path, { method: "HEAD" }), await request(path)];
  expect([head.status, await head.text()]).toEqual([200, ""]);
  expect(head.headers.get("content-type")).toBe(get.headers.get("content-type"));
});

const message = (fields: object) => ({ messages: [fields] });
const FIELDS: [row: string, fields: object, expected: Expected][] = [
  ["B-18", { model: "" }, [400, "model", "invalid_value"]],
  ["B-18", { model: 5 }, [400, "model", "invalid_type"]],
  ["B-18", { model: null }, 200],
  ["B-19", { model: "nope" }, [404, "model", "model_not_found"]],
  ["B-21", { messages: undefined }, [400, "messages", "missing_required_parameter"]],
  ["B-21", { messages: [] }, [400, "messages", "invalid_value"]],
  ["B-21", { messages: {} }, [400, "messages", "invalid_type"]],
  ["B-21", { messages: null }, [400, "messages", "invalid_type"]],
  ["B-21", { messages: [null] }, [400, "messages[0]", "invalid_type"]],
  ["B-21", { messages: [1] }, [400, "messages[0]", "invalid_type"]],
  ["B-22", message({ content: "hi" }), [400, "messages[0].role", "missing_required_parameter"]],
  ["B-22", message({ role: "robot", content: "hi" }), [400, "messages[0].role", "invalid_value"]],
  ["B-22", message({ role: 3, content: "hi" }), [400, "messages[0].role", "invalid_type"]],
  ["B-23", message({ role: "user" }), [400, "messages[0].content", "missing_required_parameter"]],
  ["B-23", message({ role: "user", content: 5 }), [400, "messages[0].content", "invalid_type"]],
  ["B-23", message({ role: "user", content: {} }), [400, "messages[0].content", "invalid_type"]],
  ["B-23", message({ role: "user", content: "" }), 200],
  ["B-24", message({ role: "user", content: [{ type: "text", text: "hi" }] }), 200],
  [
    "B-24",
    message({ role: "user", content: [{ type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } }] }),
    [400, "messages[0].content", "unsupported_content"],
  ],
  ...["max_tokens", "max_completion_tokens"].flatMap((name): [string, object, Expected][] => [
    ["B-26", { [name]: 0 }, [400, name, "invalid_value"]],
    ["B-26", { [name]: -1 }, 200],
    ["B-26", { [name]: -2 }, [400, name, "invalid_value"]],
    ["B-26", { [name]: 1.5 }, [400, name, "invalid_type"]],
    ["B-26", { [name]: "5" }, [400, name, "invalid_type"]],
    ["B-26", { [name]: 1e9 }, 200],
    ["B-26", { [name]: null }, 200],
  ]),
  ...[-0.1, 2.1, 3].map((temperature): [string, object, Expected] => [
    "B-27",
    { temperature },
    [400, "temperature", "invalid_value"],
  ]),
  ...["hot", "NaN", [0]].map((temperature): [string, object, Expected] => [
    "B-27",
    { temperature },
    [400, "temperature", "invalid_type"],
  ]),
  ...[-0.1, 1.1].map((top_p): [string, object, Expected] => ["B-28", { top_p }, [400, "top_p", "invalid_value"]]),
  ["B-28", { top_p: 0 }, 200],
  ...["frequency_penalty", "presence_penalty"].flatMap((name): [string, object, Expected][] => [
    ["penalty", { [name]: -2.1 }, [400, name, "invalid_value"]],
    ["penalty", { [name]: 2.1 }, [400, name, "invalid_value"]],
    ["penalty", { [name]: true }, [400, name, "invalid_type"]],
  ]),
  ["B-29", { stop: "x" }, 200],
  ["B-29", { stop: Array.from({ length: 65 }, () => "x") }, [400, "stop", "too_many_items"]],
  ["B-29", { stop: [""] }, 200],
  ["B-29", { stop: "" }, 200],
  ["B-29", { stop: [] }, 200],
  ["B-29", { stop: Array.from({ length: 64 }, () => "x") }, 200],
  ["B-29", { stop: "x".repeat(10_240) }, [400, "stop", "invalid_value"]],
  ["B-29", { stop: [5] }, [400, "stop", "invalid_type"]],
  ["B-29", { stop: 5 }, [400, "stop", "invalid_type"]],
  ["B-30", { stream: "true" }, [400, "stream", "invalid_type"]],
  ["B-30", { stream: 1 }, [400, "stream", "invalid_type"]],
  ["stream_options", { stream: true, stream_options: 5 }, [400, "stream_options", "invalid_type"]],
  [
    "stream_options",
    { stream: true, stream_options: { include_usage: 1 } },
    [400, "stream_options.include_usage", "invalid_type"],
  ],
  ["seed", { seed: 1.5 }, [400, "seed", "invalid_type"]],
  ["seed", { seed: 1e300 }, [400, "seed", "invalid_value"]],
  ["top_k", { top_k: -2 }, [400, "top_k", "invalid_value"]],
  ["min_p", { min_p: 1.1 }, [400, "min_p", "invalid_value"]],
  ["repeat_penalty", { repeat_penalty: 0 }, [400, "repeat_penalty", "invalid_value"]],
  ["B-31", { n: 2 }, [400, "n", "unsupported_parameter"]],
  ["B-31", { n: 1 }, 200],
  ["B-32", { grammar: "root ::= [a]" }, [400, "grammar", "unsupported_parameter"]],
]; // The whole of B-31 and B-32: parameters.test.ts.

const named = FIELDS.map(
  ([row, fields, expected]) => [`${row}: ${JSON.stringify(fields).slice(0, 90)}`, fields, expected] as const,
);
test.each(named)("%s", async (_name, fields, expected) => {
  await expectAnswer(makeBad(), post(JSON.stringify({ messages: HI, ...fields })), expected);
});

test("B-18: no model and none installed", async () => {
  const { chat } = makeBad({ models: [] });
  const res = await chat();
  expect([res.status, await res.json()]).toEqual([
    404,
    { error: expect.objectContaining({ param: "model", code: "model_not_found" }) },
  ]);
});

test("B-25: 100,000 messages are read, one more is not", async () => {
  const messages = (count: number) => post(JSON.stringify({ messages: Array.from({ length: count }, () => HI[0]) }));
  await expectAnswer(makeBad(), messages(100_000), 200);
  await expectAnswer(makeBad(), messages(100_001), [400, "messages", "too_many_messages"]);
});

test("B-33: a text whose characters were split comes whole, streamed and not", async () => {
  const pieces = ["\0", "\u202e", "\ud83d", "\ude00", "👩‍", "👧", "é"];
  const made = makeApp({ adapter: fakeAdapter({ answer: pieces }).adapter });
  const whole = ((await (await made.chat()).json()) as any).choices[0].message.content;
  const { data } = await framesOf(await made.chat({ stream: true }));
  expect([whole, data.map(({ choices }) => choices[0].delta.content ?? "").join("")]).toEqual([pieces.join(""), pieces.join("")]);
});

test("no input reaches an object's prototype", async () => {
  const made = makeBad({ models: [makeModel("tiny")] });
  await expectAnswer(
    made,
    post(`{"messages":${JSON.stringify(HI)},"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}`),
    200,
  );
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
});
