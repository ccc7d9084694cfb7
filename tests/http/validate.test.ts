import { describe, expect, test } from "bun:test";
import { Hono } from "hono";
import * as v from "valibot";
import { errorResponse, toApiError } from "../../src/http/errors.ts";
import type { AppEnv } from "../../src/http/app-env.ts";
import { bodyLimitGuard } from "../../src/http/middleware/body-limit.ts";
import { parseBody, parseQuery } from "../../src/http/validate.ts";
import { codedMessage } from "../../src/support/coded-message.ts";

const Part = v.variant("type", [
  v.object({ type: v.literal("text"), text: v.string() }),
  v.object({ type: v.literal("image_url"), image_url: v.object({ url: v.string() }) }),
]);
const Stop = v.pipe(v.string(), v.minLength(1), v.maxLength(8));

const Chat = v.object({
  model: v.optional(v.pipe(v.string(), v.minLength(1))),
  messages: v.pipe(
    v.array(v.object({ role: v.picklist(["user", "assistant"]), content: v.union([v.string(), v.array(Part)]) })),
    v.minLength(1),
    v.maxLength(3, codedMessage("too_many_messages", "Send at most 3 messages.")),
  ),
  max_tokens: v.nullish(v.pipe(v.number(), v.safeInteger(), v.minValue(1))),
  temperature: v.nullish(v.pipe(v.number(), v.minValue(0), v.maxValue(2))),
  stream: v.nullish(v.boolean()),
  stop: v.nullish(v.union([Stop, v.pipe(v.array(Stop), v.maxLength(4))])),
  tool_choice: v.optional(v.union([v.picklist(["auto", "none"]), v.object({ type: v.string() })])),
  user: v.optional(
    v.union([v.string(), v.array(v.string())], codedMessage("invalid_type", '"user" must be a string or an array of strings.')),
  ),
  metadata: v.optional(v.record(v.string(), v.any())),
});

const Page = v.object({
  limit: v.optional(v.pipe(v.string(), v.toNumber(), v.safeInteger(), v.minValue(1), v.maxValue(100)), "20"),
  order: v.optional(v.picklist(["asc", "desc"]), "desc"),
});

const MESSAGES = [{ role: "user", content: "hi" }];

function makeEcho(limits = { max_bytes: 10 * 2 ** 20, timeout_ms: 100 }) {
  const app = new Hono<AppEnv>();
  const guard = bodyLimitGuard(() => limits);
  app.use(async (c, next) => (await guard(c)) ?? next());
  app.onError((error) => errorResponse(toApiError(error)));
  app.post("/chat", async (c) => c.json(await parseBody(c, Chat)));
  app.post("/optional", async (c) =>
    c.json(await parseBody(c, v.object({ title: v.optional(v.string(), "none") }), { optional: true })),
  );
  app.get("/page", (c) => c.json(parseQuery(c, Page)));
  return app;
}

const send = (text: BodyInit | null, path = "/chat", app = makeEcho()) => app.request(path, { method: "POST", body: text });
const chat = (fields: object) => send(JSON.stringify({ messages: MESSAGES, ...fields }));

async function errorOf(res: Response) {
  return {
    status: res.status,
    ...((await res.json()) as { error: { message: string; param: string | null; code: string } }).error,
  };
}

describe("the bytes", () => {
  test("a whole body comes back typed, without what the schema does not know", async () => {
    const res = await chat({ unknown: 1, max_tokens: 1.0, temperature: 0 });
    expect(await res.json()).toEqual({ messages: MESSAGES, max_tokens: 1, temperature: 0 });
  });

  test("B-01: an empty body is not JSON, but {} where it is optional", async () => {
    expect(await errorOf(await send(null))).toMatchObject({ status: 400, param: null, code: "invalid_json" });
    expect(await errorOf(await send(" ", "/optional"))).toMatchObject({ status: 400, param: null, code: "invalid_json" });
    expect(await (await send(null, "/optional")).json()).toEqual({ title: "none" });
  });

  const broken = ['{"a', '{"a":1}x', "{'a':1}", "NaN", '{"a":1,}', "{} // x", "]", '{"a":1', '"\\"', "{:}", "\0"];
  test.each(broken)("B-02: %j is not JSON", async (text) => {
    expect(await errorOf(await send(text))).toMatchObject({ status: 400, param: null, code: "invalid_json" });
  });

  test.each(["null", "[]", '"x"', "1", "true", "[{}]"])("B-03: %s is not an object", async (text) => {
    for (const path of ["/chat", "/optional"]) {
      expect(await errorOf(await send(text, path))).toMatchObject({ status: 400, param: null, code: "invalid_type" });
    }
  });

  test("B-06: a leading BOM is accepted", async () => {
    expect((await send(`\uFEFF${JSON.stringify({ messages: MESSAGES })}`)).status).toBe(200);
  });

  test("bytes that are not UTF-8 are refused, every valid string comes back", async () => {
    const bytes = new Uint8Array([...new TextEncoder().encode('{"messages":"'), 0xff, 0x22, 0x7d]);
    expect(await errorOf(await send(bytes))).toMatchObject({ status: 400, param: null, code: "invalid_encoding" });
    const messages = [{ role: "user", content: '\0 \u202e👩‍👩‍👧 \\" {[:]} \ud800' }];
    expect(((await (await chat({ messages })).json()) as { messages: unknown }).messages).toEqual(messages);
  });

  const nested = (depth: number) =>
    `{"messages":${JSON.stringify(MESSAGES)},"deep":${"[".repeat(depth - 1)}${"]".repeat(depth - 1)}}`;
  test("B-07: 64 levels pass, 65 do not, brackets in strings do not count", async () => {
    expect((await send(nested(64))).status).toBe(200);
    expect(await errorOf(await send(nested(65)))).toMatchObject({ status: 400, param: "deep", code: "too_deep" });
    expect((await chat({ text: `"\\${"[".repeat(100)}\\` })).status).toBe(200);
  });

  test("B-07: 400,000 open brackets cost little", async () => {
    const begin = performance.now();
    for (const open of ["[", '{"a":'])
      expect(await errorOf(await send(open.repeat(400_000)))).toMatchObject({ code: "too_deep" });
    expect(performance.now() - begin).toBeLessThan(5_000);
  });

  test("B-11: too many properties, and a name without end", async () => {
    const keys = Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`key${i}`, 1]));
    expect(await errorOf(await chat(keys))).toMatchObject({ status: 400, param: null, code: "too_many_properties" });
    expect(await errorOf(await chat({ ["k".repeat(2 ** 20)]: 1 }))).toMatchObject({ status: 400, code: "too_many_properties" });
    expect(await errorOf(await chat({ bias: keys }))).toMatchObject({ param: "bias", code: "too_many_properties" });
    const many = Array.from({ length: 20_000 }, () => ({ a: "x:y", b: "k".repeat(50) }));
    expect((await chat({ many, long: `${"x".repeat(5000)}: ` })).status).toBe(200);
  });

  test("B-11: 500,000 values pass, more do not", async () => {
    const list = (count: number, value = "{}") =>
      `{"messages":${JSON.stringify(MESSAGES)},"a":[${Array.from({ length: count }, () => value).join(",")}]}`;
    const large = makeEcho({ max_bytes: 2 ** 24, timeout_ms: 5_000 });
    for (const value of ["{}", "[]", "1", '""', "{ }", "\n1 "]) {
      // The body, its messages and the list are six values, too.
      expect((await send(list(499_994, value), "/chat", large)).status).toBe(200);
      const refused = await errorOf(await send(list(499_995, value), "/chat", large));
      expect(refused).toMatchObject({ status: 400, param: "a", code: "too_many_items" });
    }
    expect((await send(list(499_994, `",[{"`), "/chat", large)).status).toBe(200);
  });

  const huge = ["1e400", "-1E+400", "1e99999", `${"9".repeat(310)}`, `1${"0".repeat(305)}.5e9`];
  test.each(huge)("B-26: a number that only infinity could stand for is refused, wherever it is: %s", async (number) => {
    for (const [text, param] of [
      [`{"metadata":{"a":[1,{"b":${number}}]}}`, "metadata.a[1].b"],
      [`{"max_tokens":${number}}`, "max_tokens"],
      [`{"a":[ ${number} ]}`, "a[0]"],
    ] as const) {
      expect(await errorOf(await send(text))).toMatchObject({ status: 400, param, code: "invalid_value" });
    }
  });

  test("numbers that fit, and texts that look like others, come back as they are", async () => {
    const text = `{"messages":${JSON.stringify(MESSAGES)},"metadata":{"a":[1e308,1.5E-400,1e-999,${"1".repeat(300)},"1e400",${" ".repeat(400)}7,true,false],"e400":"1e400"}}`;
    expect(await (await send(text)).json()).toEqual(JSON.parse(text));
  });

  test("B-08: the size is counted, whatever was declared", async () => {
    const app = makeEcho({ max_bytes: 60, timeout_ms: 100 });
    const text = JSON.stringify({ messages: MESSAGES });
    const chunked = (length: number) => new Blob([text.padEnd(length)]).stream();
    expect((await send(chunked(60), "/chat", app)).status).toBe(200);
    expect(await errorOf(await send(chunked(61), "/chat", app))).toMatchObject({
      status: 413,
      param: null,
      code: "request_too_large",
    });
  });

  test("B-09: a body that stalls or drips is a 408, and the connection ends", async () => {
    const pull = async (controller: ReadableStreamDefaultController) => {
      await new Promise((resolve) => setTimeout(resolve, 30));
      controller.enqueue(new Uint8Array([32]));
    };
    const begin = performance.now();
    const res = await send(new ReadableStream({ pull }));
    expect(performance.now() - begin).toBeLessThan(5_000);
    expect(res.headers.get("connection")).toBe("close");
    expect(await errorOf(res)).toMatchObject({ status: 408, param: null, code: "request_timeout" });
  });

  test("a body that breaks off is a 400, not an error of the server", async () => {
    const body = new ReadableStream({ start: (controller) => controller.error(new Error("reset")) });
    expect(await errorOf(await send(body))).toMatchObject({ status: 400, code: "invalid_json" });
  });

  test("B-10: of duplicate keys the last wins, and no key reaches a prototype", async () => {
    const duplicate = `{"messages":${JSON.stringify(MESSAGES)},"temperature":1,"temperature":2}`;
    expect(await (await send(duplicate)).json()).toMatchObject({ temperature: 2 });
    const hostile = `{"__proto__":{"polluted":1},"messages":${JSON.stringify(MESSAGES)},"metadata":{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}}`;
    expect((await send(hostile)).status).toBe(200);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});

describe("the fields", () => {
  const message = (fields: object) => ({ messages: [{ role: "user", content: "hi", ...fields }] });
  const rows: [object, string, string, string][] = [
    [{ messages: undefined }, "messages", "missing_required_parameter", '"messages" is missing. Add it to the request.'],
    [{ messages: [] }, "messages", "invalid_value", '"messages" has 0 items. At least 1 is needed.'],
    [{ messages: {} }, "messages", "invalid_type", '"messages" is an object. It must be an array.'],
    [{ messages: [null] }, "messages[0]", "invalid_type", '"messages[0]" is null. It must be an object.'],
    [{ messages: [...MESSAGES, 1] }, "messages[1]", "invalid_type", '"messages[1]" is 1. It must be an object.'],
    [{ messages: Array(4).fill(MESSAGES[0]) }, "messages", "too_many_messages", "Send at most 3 messages."],
    [message({ role: undefined }), "messages[0].role", "missing_required_parameter", '"messages[0].role" is missing.'],
    [
      message({ role: "robot" }),
      "messages[0].role",
      "invalid_value",
      '"messages[0].role" is "robot". It must be "user" or "assistant".',
    ],
    [message({ role: 3 }), "messages[0].role", "invalid_type", '"messages[0].role" is 3. It must be "user" or "assistant".'],
    [message({ content: undefined }), "messages[0].content", "missing_required_parameter", '"messages[0].content" is missing.'],
    [
      message({ content: 5 }),
      "messages[0].content",
      "invalid_type",
      '"messages[0].content" is 5. It must be a string or an array.',
    ],
    [
      message({ content: {} }),
      "messages[0].content",
      "invalid_type",
      '"messages[0].content" is an object. It must be a string or an array.',
    ],
    [message({ content: [5] }), "messages[0].content[0]", "invalid_type", '"messages[0].content[0]" is 5. It must be an object.'],
    [message({ content: [{}] }), "messages[0].content[0].type", "missing_required_parameter", "is missing"],
    [
      message({ content: [{ type: "x" }] }),
      "messages[0].content[0].type",
      "invalid_value",
      'is "x". It must be "text" or "image_url".',
    ],
    [message({ content: [{ type: "text" }] }), "messages[0].content[0].text", "missing_required_parameter", "is missing"],
    [{ model: "" }, "model", "invalid_value", '"model" has 0 characters. At least 1 is needed.'],
    [{ model: 5 }, "model", "invalid_type", '"model" is 5. It must be a string.'],
    [{ model: null }, "model", "invalid_type", '"model" is null. It must be a string.'],
    [{ max_tokens: 0 }, "max_tokens", "invalid_value", '"max_tokens" is 0. It must be at least 1.'],
    [{ max_tokens: 1.5 }, "max_tokens", "invalid_type", '"max_tokens" is 1.5. It must be a whole number.'],
    [{ max_tokens: "5" }, "max_tokens", "invalid_type", '"max_tokens" is "5". It must be a number.'],
    [{ max_tokens: 1e300 }, "max_tokens", "invalid_value", "is 1e+300. It must be from -9007199254740991 to 9007199254740991."],
    [{ temperature: 2.1 }, "temperature", "invalid_value", '"temperature" is 2.1. It must be at most 2.'],
    [{ temperature: -0.1 }, "temperature", "invalid_value", '"temperature" is -0.1. It must be at least 0.'],
    [{ temperature: "hot" }, "temperature", "invalid_type", '"temperature" is "hot". It must be a number.'],
    [{ stream: "true" }, "stream", "invalid_type", '"stream" is "true". It must be true or false.'],
    [{ stream: 1 }, "stream", "invalid_type", '"stream" is 1. It must be true or false.'],
    [{ stop: ["a", "b", "c", "d", "e"] }, "stop", "too_many_items", '"stop" has 5 items. At most 4 are allowed.'],
    [{ stop: "much too long" }, "stop", "invalid_value", '"stop" has 13 characters. At most 8 are allowed.'],
    [{ stop: ["a", ""] }, "stop[1]", "invalid_value", '"stop[1]" has 0 characters.'],
    [{ stop: [5] }, "stop[0]", "invalid_type", '"stop[0]" is 5. It must be a string.'],
    [{ stop: {} }, "stop", "invalid_type", '"stop" is an object. It must be a string or an array.'],
    [
      { tool_choice: "never" },
      "tool_choice",
      "invalid_value",
      '"tool_choice" is "never". It must be "auto", "none" or an object.',
    ],
    [{ tool_choice: 5 }, "tool_choice", "invalid_type", '"tool_choice" is 5.'],
    [{ user: [5] }, "user", "invalid_type", '"user" must be a string or an array of strings.'],
  ];
  test.each(rows)("%j: %s %s", async (fields, param, code, message) => {
    const error = await errorOf(await chat(fields));
    expect(error).toMatchObject({ status: 400, param, code });
    expect(error.message).toContain(message);
  });

  test("null in an optional field, a string or parts, one stop or many are fine", async () => {
    const parts = [
      { type: "text", text: "hi" },
      { type: "image_url", image_url: { url: "data:x" } },
    ];
    const good = [
      { stream: null, max_tokens: null, temperature: null },
      { stop: "x" },
      { stop: ["x"] },
      message({ content: parts }),
      message({ content: "" }),
    ];
    for (const fields of good) expect([fields, (await chat(fields)).status]).toEqual([fields, 200]);
  });

  test("at most 200 characters of what was sent are told", async () => {
    const { message } = await errorOf(await chat({ temperature: "x".repeat(10_000) }));
    expect(message.length).toBeLessThan(300);
    const { param } = await errorOf(await send(`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":5}]}]}`));
    expect(param).toBe("messages[0].content[0].image_url");
  });
});

describe("the query", () => {
  const page = (search: string) => makeEcho().request(`/page${search}`);

  test("is typed, with defaults, and unknown parameters are ignored", async () => {
    expect(await (await page("?limit=5&order=asc&x=1&__proto__=y")).json()).toEqual({ limit: 5, order: "asc" });
    expect(await (await page("")).json()).toEqual({ limit: 20, order: "desc" });
  });

  test.each(["abc", "-1", "0", "1e9", "1.5", "", "NaN", "Infinity", "0x"])(
    "B-15: limit=%s is an invalid value",
    async (limit) => {
      expect(await errorOf(await page(`?limit=${limit}`))).toMatchObject({ status: 400, param: "limit", code: "invalid_value" });
    },
  );

  test("a number that is none is shown as it was sent", async () => {
    expect((await errorOf(await page("?limit=abc"))).message).toBe('"limit" is "abc". It must be a number.');
  });

  test("B-15: order=x is an invalid value", async () => {
    const message = '"order" is "x". It must be "asc" or "desc".';
    expect(await errorOf(await page("?order=x"))).toMatchObject({ status: 400, param: "order", code: "invalid_value", message });
  });
});
