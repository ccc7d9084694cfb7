import { describe, expect, test } from "bun:test";
import { AdapterError, type Capability, type ChatEvent } from "../../adapters/adapter.ts";
import { createCustomInput } from "../../src/api/responses/custom-input.ts";
import { errorOf, makeApp } from "../support/app.ts";
import { fakeAdapter } from "../support/fake-adapter.ts";

const ALL: Capability[] = ["tools", "response_format", "logprobs", "images"];
const CITY = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const WEATHER = { type: "function", name: "weather", parameters: CITY };

const called = (name: string, text: string, index = 0): ChatEvent[] => [
  { type: "tool_call", index, id: `call_${index + 1}`, name, arguments: "" },
  { type: "tool_call", index, arguments: text },
];

/** The response to a body whose engine says these events, what reached the engine, and the events of its stream. */
async function respond(
  body: object,
  events: ChatEvent[] = [{ type: "text", text: "Hello" }],
  reason: "stop" | "length" = "stop",
) {
  const fake = fakeAdapter({ capabilities: ALL });
  const { post } = makeApp({ adapter: fake.adapter });
  const pending = post("/v1/responses", { input: "hi", ...body });
  const ended = await Promise.race([pending, fake.generation(0)]);
  if (!(ended instanceof Response)) {
    events.forEach(ended.put);
    ended.finish(reason);
  }
  const res = await pending;
  const text = await res.text();
  const is_stream = res.headers.get("content-type")?.startsWith("text/event-stream") ?? false;
  const frames = is_stream ? framesOf(text) : [];
  return {
    ...{ status: res.status, ignored: res.headers.get("x-ingle-ignored"), frames },
    asked: fake.generations[0]?.request,
    response: is_stream ? frames.at(-1)!.response : JSON.parse(text),
  };
}

/** The data of each frame, whose name is its type. */
function framesOf(text: string): any[] {
  return text
    .trim()
    .split("\n\n")
    .map((frame) => {
      const [, name, data] = /^event: (\S+)\ndata: (.*)$/.exec(frame)!;
      const value = JSON.parse(data!);
      expect(value.type).toBe(name);
      return value;
    });
}

describe("a response", () => {
  test("has an item for its text, and the counts of its tokens", async () => {
    const { response, asked } = await respond({ instructions: "Be brief.", max_output_tokens: 9, metadata: { a: "b" } });
    expect(asked!.messages).toEqual([
      { role: "system", content: "Be brief." },
      { role: "user", content: "hi" },
    ]);
    expect(asked!.max_tokens).toBe(9);
    expect(response).toMatchObject({
      ...{ id: "resp_1", object: "response", status: "completed", error: null, incomplete_details: null, store: false },
      ...{ instructions: "Be brief.", max_output_tokens: 9, metadata: { a: "b" }, tool_choice: "auto", tools: [] },
      output: [
        {
          ...{ type: "message", id: "msg_1", role: "assistant", status: "completed" },
          content: [{ type: "output_text", text: "Hello", annotations: [], logprobs: [] }],
        },
      ],
      usage: {
        ...{ input_tokens: 7, input_tokens_details: { cached_tokens: 3, cache_write_tokens: 4 } },
        ...{ output_tokens: 2, output_tokens_details: { reasoning_tokens: 0 }, total_tokens: 9 },
      },
    });
  });

  test("streams the events of each item in OpenAI's order, numbered without a gap", async () => {
    const { frames } = await respond({ stream: true }, [
      { type: "reasoning", text: "Hm." },
      { type: "text", text: "Hel" },
      { type: "text", text: "lo" },
      ...called("weather", "{}"),
    ]);
    expect(frames.map(({ type }) => type.replace("response.", ""))).toEqual([
      ...["created", "in_progress"],
      ...["output_item.added", "content_part.added", "reasoning_text.delta"],
      ...["reasoning_text.done", "content_part.done", "output_item.done"],
      ...["output_item.added", "content_part.added", "output_text.delta", "output_text.delta"],
      ...["output_text.done", "content_part.done", "output_item.done"],
      ...["output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done"],
      "completed",
    ]);
    expect(frames.map(({ sequence_number }) => sequence_number)).toEqual(frames.map((_, i) => i));
    const items = frames.filter(({ type }) => type === "response.output_item.done");
    expect(frames.at(-1)!.response.output).toEqual(items.map(({ item }) => item));
    expect(items.map(({ output_index }) => output_index)).toEqual([0, 1, 2]);
  });

  test("that is cut is incomplete, and so is its last item", async () => {
    const { response } = await respond({}, [{ type: "text", text: "Hel" }], "length");
    expect([response.status, response.incomplete_details, response.output[0].status]).toEqual([
      ...["incomplete", { reason: "max_output_tokens" }, "incomplete"],
    ]);
  });

  test("without a text has an empty one", async () => {
    const { response } = await respond({}, []);
    expect(response.output).toMatchObject([{ type: "message", content: [{ text: "" }] }]);
  });

  test("that breaks in its middle fails with what there was of it", async () => {
    const fake = fakeAdapter();
    const pending = makeApp({ adapter: fake.adapter }).post("/v1/responses", { input: "hi", stream: true });
    const generation = await fake.generation(0);
    generation.say("Hel");
    const res = await pending;
    generation.fail(new AdapterError("engine_crashed", "The engine ended. Ask again."));
    const frames = framesOf(await res.text());
    expect(frames.at(-1)).toMatchObject({
      type: "response.failed",
      sequence_number: frames.length - 1,
      response: {
        ...{ status: "failed", error: { code: "server_error", message: "The engine ended. Ask again." } },
        output: [{ status: "incomplete", content: [{ text: "Hel" }] }],
      },
    });
  });

  test("that breaks before it begins is an error with its status", async () => {
    const fake = fakeAdapter();
    const pending = makeApp({ adapter: fake.adapter }).post("/v1/responses", { input: "hi", stream: true });
    (await fake.generation(0)).fail(new AdapterError("context_length_exceeded", '"messages" are too long.'));
    expect(await errorOf(await pending)).toMatchObject({ status: 400, code: "context_length_exceeded", param: "input" });
  });

  test("has the probabilities of its tokens where they are asked for", async () => {
    const token = { token: "Hi", logprob: -0.5, bytes: [72, 105], top_logprobs: [] };
    const { response, asked } = await respond({ include: ["message.output_text.logprobs"], top_logprobs: 2 }, [
      { type: "text", text: "Hi", logprobs: [token] },
    ]);
    expect(asked!.logprobs).toEqual({ top: 2 });
    expect(response.output[0].content[0].logprobs).toEqual([token]);
  });
});

describe("tools of a response", () => {
  const cases: [string, object, string, string, object, string[]][] = [
    [
      ...["a function", WEATHER, "weather", '{"city":"Oslo"}'],
      ...[{ type: "function_call", name: "weather", arguments: '{"city":"Oslo"}', call_id: "call_1" }],
      ...[["function_call_arguments.delta", "function_call_arguments.done"]],
    ] as never,
    [
      ...[
        "a function of a group",
        { type: "namespace", name: "mcp.fs", tools: [{ type: "function", name: "ls" }] },
        "mcp_fs__ls",
        "{}",
      ],
      ...[{ type: "function_call", name: "ls", namespace: "mcp.fs", arguments: "{}" }],
      ...[["function_call_arguments.delta", "function_call_arguments.done"]],
    ] as never,
    [
      ...["a custom tool", { type: "custom", name: "run" }, "run", '{"input": "a\\n\\"b\\""}'],
      ...[{ type: "custom_tool_call", name: "run", input: 'a\n"b"', call_id: "call_1" }],
      ...[["custom_tool_call_input.delta", "custom_tool_call_input.done"]],
    ] as never,
    [
      ...["a local shell", { type: "local_shell" }, "local_shell", '{"command":["ls","-l"],"timeout_ms":5}'],
      ...[{ type: "local_shell_call", action: { type: "exec", command: ["ls", "-l"], env: {}, timeout_ms: 5 } }, []],
    ] as never,
    [
      ...["a shell", { type: "shell", environment: { type: "local" } }, "shell", '{"commands":["ls"]}'],
      ...[{ type: "shell_call", action: { commands: ["ls"], timeout_ms: null, max_output_length: null } }],
      ...[["shell_call_command.added", "shell_call_command.delta", "shell_call_command.done"]],
    ] as never,
    [
      ...["a patch", { type: "apply_patch" }, "apply_patch", '{"operation":{"type":"delete_file","path":"a"}}'],
      ...[{ type: "apply_patch_call", operation: { type: "delete_file", path: "a" }, status: "completed" }, []],
    ] as never,
    [
      ...["a search of tools", { type: "tool_search", execution: "client" }, "tool_search", '{"query":"mail"}'],
      ...[{ type: "tool_search_call", arguments: { query: "mail" }, execution: "client" }, []],
    ] as never,
  ];

  test.each(cases)("%s is called by its name, as an item of its own type", async (_, tool, name, text, item, events) => {
    const { frames, asked, response } = await respond({ tools: [tool], stream: true }, called(name, text));
    expect(asked!.tools!.map((one) => one.function.name)).toEqual([name]);
    expect(response.output).toMatchObject([item]);
    const types = frames.map(({ type }) => type.replace("response.", ""));
    expect(types.slice(2, -1)).toEqual(["output_item.added", ...events, "output_item.done"]);
  });

  test("calls that were cut have what there was of them, and none where that is nothing", async () => {
    const half = await respond({ tools: [WEATHER] }, called("weather", '{"ci'), "length");
    expect(half.response.output).toMatchObject([{ type: "function_call", arguments: '{"ci', status: "incomplete" }]);
    const none = await respond({ tools: [{ type: "local_shell" }] }, called("local_shell", '{"com'), "length");
    expect(none.response.output).toMatchObject([{ type: "message", status: "incomplete" }]);
  });

  test("that a server would run are named, and refused where one is asked for", async () => {
    const tools = [{ type: "web_search", filters: {} }, WEATHER, { type: "mcp", server_label: "x" }, { type: "tool_search" }];
    const { ignored, asked } = await respond({ tools });
    expect([ignored, asked!.tools!.length]).toEqual(["tools[0], tools[2], tools[3]", 1]);
    const refused = await respond({ tools, tool_choice: { type: "web_search_preview" } });
    expect([refused.status, refused.response.error.param]).toEqual([400, "tool_choice"]);
  });

  test("that wait to be found are told once they were", async () => {
    const waiting = { ...WEATHER, defer_loading: true };
    const search = { type: "tool_search", execution: "client" };
    const names = async (input: object[], tools: object[]) =>
      (await respond({ input, tools })).asked!.tools!.map((tool) => tool.function.name);
    const hi = { role: "user", content: "hi" };
    const found = [
      hi,
      { type: "tool_search_call", call_id: "c", arguments: { query: "rain" }, execution: "client" },
      { type: "tool_search_output", call_id: "c", tools: [waiting], execution: "client" },
    ];
    expect(await names([hi], [waiting, search])).toEqual(["tool_search"]);
    expect(await names(found, [waiting, search])).toEqual(["tool_search", "weather"]);
    expect(await names([hi], [waiting])).toEqual(["weather"]);
  });

  test("may be limited and chosen", async () => {
    const tools = [WEATHER, { type: "custom", name: "run" }];
    const { asked } = await respond({ tools, tool_choice: { type: "custom", name: "run" } });
    expect(asked!.tool_choice).toEqual({ name: "run" });
    const allowed = { type: "allowed_tools", mode: "required", tools: [{ type: "function", name: "weather" }] };
    const limited = await respond({ tools, tool_choice: allowed });
    expect([limited.asked!.tool_choice, limited.asked!.tools!.map((tool) => tool.function.name)]).toEqual([
      "required",
      ["weather"],
    ]);
  });
});

describe("the input of a response", () => {
  test("is a conversation: what was thought, said and called in one go is one message", async () => {
    const input = [
      { role: "user", content: [{ type: "input_text", text: "Weather?" }] },
      { type: "reasoning", id: "rs_1", summary: [], content: [{ type: "reasoning_text", text: "Hm." }] },
      {
        type: "message",
        id: "msg_1",
        role: "assistant",
        status: "completed",
        content: [{ type: "output_text", text: "I look." }],
      },
      { type: "function_call", id: "fc_1", call_id: "a", name: "weather", arguments: '{"city":"Oslo"}' },
      { type: "custom_tool_call", call_id: "b", name: "run", input: "x" },
      { type: "function_call_output", call_id: "a", output: "12" },
      { type: "custom_tool_call_output", call_id: "b", output: [{ type: "input_text", text: "y" }] },
      { role: "assistant", content: "Twelve." },
      { role: "user", content: "Thanks" },
    ];
    const { asked, ignored } = await respond({ input });
    const call = (id: string, name: string, text: string) => ({
      id,
      type: "function" as const,
      function: { name, arguments: text },
    });
    expect(ignored).toBe(null);
    expect(asked!.messages).toEqual([
      { role: "user", content: "Weather?" },
      {
        ...{ role: "assistant", content: "I look.", reasoning_content: "Hm." },
        tool_calls: [call("a", "weather", '{"city":"Oslo"}'), call("b", "run", '{"input":"x"}')],
      },
      { role: "tool", content: "12", tool_call_id: "a" },
      { role: "tool", content: "y", tool_call_id: "b" },
      { role: "assistant", content: "Twelve." },
      { role: "user", content: "Thanks" },
    ]);
  });

  test("ends with an assistant's message: the answer is another one", async () => {
    const { asked } = await respond({ input: [{ role: "assistant", content: "Hello" }] });
    expect(asked!.continue_final_message).toBe(false);
  });

  test("has items that nobody here can read: they are named", async () => {
    const items = [
      { type: "web_search_call", id: "ws_1", status: "completed" },
      { role: "user", content: "hi" },
    ];
    expect((await respond({ input: items })).ignored).toBe("input[0]");
  });

  test.each([
    [{ input: [{ type: "item_reference", id: "msg_9" }] }, 404, "input[0].id", "item_not_found"],
    [{ input: [{ type: "dance" }] }, 400, "input[0].type", "invalid_value"],
    [
      { input: [{ role: "user", content: [{ type: "input_file", file_id: "x" }] }] },
      400,
      "input[0].content[0].type",
      "unsupported_content",
    ],
    [
      { input: [{ role: "user", content: [{ type: "input_image", image_url: "http://x/y.png" }] }] },
      400,
      "input[0].content[0].image_url",
      "unsupported_content",
    ],
    [
      { input: [{ role: "user", content: [{ type: "input_image", file_id: "x" }] }] },
      400,
      "input[0].content[0].image_url",
      "unsupported_content",
    ],
    [{ input: [{ type: "compaction", encrypted_content: "x" }] }, 400, "input[0]", "invalid_value"],
    [{ input: [] }, 400, "input", "invalid_value"],
    [{ tools: [{ type: "function", name: "a b" }] }, 400, "tools[0].name", "invalid_value"],
    [{ tools: [{ type: "dance" }] }, 400, "tools[0].type", "invalid_value"],
    [
      { tools: [{ type: "namespace", name: "n", tools: [{ type: "function" }] }] },
      400,
      "tools[0].tools[0].name",
      "missing_required_parameter",
    ],
    [{ tools: [WEATHER], tool_choice: { type: "function", name: "rain" } }, 400, "tool_choice.name", "invalid_value"],
    [{ max_output_tokens: 0 }, 400, "max_output_tokens", "invalid_value"],
    [{ text: { format: { type: "json_schema", name: "x" } } }, 400, "text.format.schema", "missing_required_parameter"],
    [{ store: true }, 400, "store", "unsupported_parameter"],
    [{ previous_response_id: "resp_1" }, 400, "previous_response_id", "unsupported_parameter"],
    [{ context_management: [{ type: "compaction" }] }, 400, "context_management", "unsupported_parameter"],
    [{ background: true }, 400, "background", "unsupported_parameter"],
    [{ messages: [] }, 200, undefined, undefined],
    [{ messages: [{ role: "user" }] }, 400, "messages", "unsupported_parameter"],
    [{ max_tokens: 5 }, 400, "max_tokens", "unsupported_parameter"],
    [{ temperature: 9 }, 400, "temperature", "invalid_value"],
  ])("%j is answered %i about its own field", async (body, status, param, code) => {
    const found = await respond(body);
    const { error } = found.response;
    expect([found.status, error?.param, error?.code]).toEqual([status, param, code]);
  });
});

describe("a conversation that does not fit", () => {
  const turn = (name: string) => [
    { role: "user", content: `${name} ${"x".repeat(400)}` },
    { role: "assistant", content: "ok" },
  ];
  const input = [{ role: "developer", content: "Be brief." }, ...["a", "b", "c"].flatMap(turn), { role: "user", content: "now" }];
  const TOO_LONG = new AdapterError("context_length_exceeded", "Too long.", { context: { n_prompt_tokens: 150, n_ctx: 100 } });

  async function ask(more: object, refusals: number) {
    const fake = fakeAdapter();
    const pending = makeApp({ adapter: fake.adapter }).post("/v1/responses", { input, ...more });
    for (let i = 0; i < refusals; i++) (await fake.generation(i)).fail(TOO_LONG);
    const last = await Promise.race([pending, fake.generation(refusals)]);
    if (!(last instanceof Response)) {
      last.say("Hi");
      last.finish();
    }
    const asked = fake.generations.map(({ request }) => request.messages.map(({ content }) => (content as string).slice(0, 9)));
    return { res: await pending, asked };
  }

  test("loses its oldest turns with truncation, and keeps what the system says", async () => {
    const { res, asked } = await ask({ truncation: "auto", max_output_tokens: 8 }, 1);
    expect(((await res.json()) as any).truncation).toBe("auto");
    expect(asked[1]).toEqual(["Be brief.", "c xxxxxxx", "ok", "now"]);
  });

  test("loses all but its last turn where it has to, and is refused where that does not fit", async () => {
    const { res, asked } = await ask({ truncation: "auto" }, 3);
    expect(asked.at(-1)).toEqual(["Be brief.", "now"]);
    expect(await errorOf(res)).toMatchObject({ status: 400, code: "context_length_exceeded", param: "input" });
  });

  test("is refused without", async () => {
    const { res, asked } = await ask({}, 1);
    expect([asked.length, res.status]).toEqual([1, 400]);
  });
});

test.each([
  ['{"input": "abc"}', "abc"],
  ['{ "input" : "\\u00e9\\n\\ud83d\\ude00\\\\" }', "é\n😀\\"],
  ['{"input": ""}', ""],
  ['{"input": "\t"}', "\t"],
])("the text of a custom tool comes out of %j, wherever its pieces end", (json, text) => {
  for (let size = 1; size <= json.length; size++) {
    const reader = createCustomInput();
    let read = "";
    for (let at = 0; at < json.length; at += size) {
      const piece = reader.push(json.slice(at, at + size));
      expect(piece.isWellFormed()).toBe(true);
      read += piece;
    }
    expect(read).toBe(text);
  }
});
