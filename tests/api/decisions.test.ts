// POST /v1/decisions: what the engine is asked, and what its probabilities become.
import { describe, expect, test } from "bun:test";
import type { Capability, WeighedQuestion, WeighRequest } from "../../adapters/adapter.ts";
import type { Model } from "../../models/manifest.ts";
import { errorOf, makeApp, makeModel } from "../support/app.ts";
import { fakeAdapter } from "../support/fake-adapter.ts";

const IMAGE = "data:image/png;base64,AAAA";
const PREDICATE = { type: "predicate", instructions: "It is urgent." };
const CHOICE = { type: "choice", instructions: "Which one?", choices: [{ value: "a" }, { value: "b" }] };
const SCORE = { type: "score", instructions: "How bad is it?", levels: [{ label: "low" }, { label: "high" }] };

interface DecideOptions {
  probabilities?: (question: WeighedQuestion) => number[];
  capabilities?: Capability[];
  model?: Partial<Model>;
}

/** As many halves, quarters and so on as there are answers. */
const halves = ({ answers }: WeighedQuestion): number[] => answers.map((_, i) => 2 ** -Math.min(i + 1, answers.length - 1));

function decide(fields: object, { probabilities = halves, capabilities = ["decisions"], model = {} }: DecideOptions = {}) {
  const fake = fakeAdapter({ probabilities, capabilities });
  const { post } = makeApp({ adapter: fake.adapter, models: [makeModel("tiny", model)] });
  return { fake, answered: post("/v1/decisions", { input: "The house is on fire!", questions: [PREDICATE], ...fields }) };
}

async function bodyOf(fields: object, options?: DecideOptions) {
  const res = await decide(fields, options).answered;
  if (res.status !== 200) throw new Error(await res.text());
  return { ...((await res.json()) as { answers: any[]; model: string; usage: object }), headers: res.headers };
}

/** What the engine was asked. */
async function askedFor(fields: object, options?: DecideOptions): Promise<WeighRequest> {
  const { fake, answered } = decide(fields, options);
  const res = await answered;
  if (res.status !== 200) throw new Error(await res.text());
  return fake.weighed[0]!;
}

describe("an answer", () => {
  test("to a predicate is its probability", async () => {
    const { answers, model, usage } = await bodyOf(
      { questions: [{ ...PREDICATE, name: "urgent" }] },
      { probabilities: () => [0.8, 0.2] },
    );
    expect(answers).toEqual([{ type: "predicate", name: "urgent", probability: 0.8 }]);
    expect(model).toBe("tiny");
    expect(usage).toEqual({
      input_tokens: 7,
      input_tokens_details: { cached_tokens: 3, cache_write_tokens: 0 },
      output_tokens: 0,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: 7,
    });
  });

  test("to a choice is the likeliest value, with all of them as they were sent", async () => {
    const choices = [{ value: "true" }, { value: true, description: "It is so." }, { value: false }];
    const { answers } = await bodyOf({ questions: [{ ...CHOICE, choices }] }, { probabilities: () => [0.3, 0.5, 0.2] });
    const probabilities = [
      { value: "true", probability: 0.3 },
      { value: true, probability: 0.5 },
      { value: false, probability: 0.2 },
    ];
    expect(answers).toEqual([{ type: "choice", name: null, choice: true, confidence: 0.5, probabilities }]);
  });

  test("to a score is the mean of the levels, which count from 0", async () => {
    const levels = [{ label: "low" }, { label: "middle" }, { label: "high" }];
    const { answers } = await bodyOf({ questions: [{ ...SCORE, levels }] }, { probabilities: () => [0.25, 0.25, 0.5] });
    const probabilities = [
      { label: "low", value: 0, probability: 0.25 },
      { label: "middle", value: 1, probability: 0.25 },
      { label: "high", value: 2, probability: 0.5 },
    ];
    expect(answers).toEqual([{ type: "score", name: null, score: 1.25, confidence: 0.5, probabilities }]);
  });

  test("stands at the place of its question, up to 400 of them", async () => {
    const questions = Array.from({ length: 400 }, (_, i) => ({ ...[PREDICATE, CHOICE, SCORE][i % 3], name: `q${i}` }));
    const { answers } = await bodyOf({ questions });
    expect(answers.map(({ name, type }) => [name, type])).toEqual(questions.map(({ name, type }) => [name, type!]));
    expect((await errorOf(await decide({ questions: [...questions, PREDICATE] }).answered)).code).toBe("too_many_items");
  });

  test("of the echo adapter is as likely as any other", async () => {
    const { post } = makeApp();
    const res = await post("/v1/decisions", { input: "one two", questions: [PREDICATE, CHOICE, SCORE] });
    const { answers, usage } = (await res.json()) as { answers: any[]; usage: { input_tokens: number } };
    expect([answers[0].probability, answers[1].choice, answers[2].score]).toEqual([0.5, "a", 0.5]);
    expect(usage.input_tokens).toBeGreaterThan(2);
  });
});

describe("the engine is asked", () => {
  test("about a text, as a user's message", async () => {
    const { messages, questions, cache_scope } = await askedFor({});
    expect([messages, cache_scope]).toEqual([[{ role: "user", content: "The house is on fire!" }], ""]);
    expect(questions).toEqual([{ content: expect.stringMatching(/^It is urgent\.\n\n.*Yes or No/), answers: ["Yes", "No"] }]);
  });

  test("for the values of a choice and the labels of levels as JSON, with what describes them", async () => {
    const choices = [{ value: "true", description: "as a word" }, { value: true }, { value: 'a "b"\n' }];
    const levels = [{ label: "low", description: null }, { label: "höchst" }];
    const { questions } = await askedFor({
      questions: [
        { ...CHOICE, choices },
        { ...SCORE, levels },
      ],
    });
    expect(questions.map(({ answers }) => answers)).toEqual([
      ['"true"', "true", '"a \\"b\\"\\n"'],
      ['"low"', '"höchst"'],
    ]);
    expect(questions[0]!.content).toEndWith('\n- "true": as a word\n- true\n- "a \\"b\\"\\n"');
    expect(questions[1]!.content).toEndWith('\n- "low"\n- "höchst"');
  });

  test("about a conversation, with calls of tools and their outputs", async () => {
    const input = [
      {
        role: "developer",
        content: [
          { type: "input_text", text: "Be" },
          { type: "input_text", text: "kind." },
        ],
      },
      {
        type: "message",
        role: "user",
        content: [
          { type: "input_text", text: "See:" },
          { type: "input_json", data: { a: [1] } },
        ],
      },
      {
        role: "assistant",
        content: [
          { type: "output_text", text: "I" },
          { type: "refusal", refusal: "will not." },
        ],
        phase: null,
      },
      { type: "function_call", call_id: "c1", name: "find", arguments: '{"q":1}', id: "fc_1", status: "completed" },
      { type: "custom_tool_call", call_id: "c2", name: "run", namespace: "shell", input: "ls" },
      { type: "function_call_output", call_id: "c1", output: "nothing" },
      { type: "custom_tool_call_output", call_id: "c2", output: [{ type: "input_text", text: "a.txt" }] },
      { role: "system", content: "End." },
    ];
    const { messages } = await askedFor({ input });
    expect(messages).toEqual([
      { role: "system", content: "Be\nkind." },
      { role: "user", content: 'See:\n{"a":[1]}' },
      {
        role: "assistant",
        content: "I\nwill not.",
        tool_calls: [
          { id: "c1", type: "function", function: { name: "find", arguments: '{"q":1}' } },
          { id: "c2", type: "function", function: { name: "shell.run", arguments: '{"input":"ls"}' } },
        ],
      },
      { role: "tool", tool_call_id: "c1", content: "nothing" },
      { role: "tool", tool_call_id: "c2", content: "a.txt" },
      { role: "system", content: "End." },
    ]);
  });

  test("with instructions in parts", async () => {
    const instructions = [
      { type: "input_text", text: "So:" },
      { type: "input_json", data: [{ b: true }] },
    ];
    const asked = await askedFor({ questions: [{ ...PREDICATE, instructions }] });
    expect(asked.questions[0]!.content).toStartWith('So:\n[{"b":true}]\n\n');
  });

  test("without thoughts, where the template has a switch for them", async () => {
    const { chat_template_kwargs } = await askedFor({}, { model: { template_kwargs: ["enable_thinking"] } });
    expect(chat_template_kwargs).toEqual({ enable_thinking: false });
    expect(await askedFor({}, { model: { template_kwargs: [] } })).not.toHaveProperty("chat_template_kwargs");
  });
});

describe("what is passed over is named", () => {
  const ignoredOf = async (fields: object, options?: DecideOptions) =>
    (await bodyOf(fields, options)).headers.get("x-ingle-ignored");

  test("hints, and names that are not known", async () => {
    const hints = { prompt_cache_key: "k", prompt_cache_options: { mode: "explicit" }, safety_identifier: "s", temperature: 0.5 };
    expect(await ignoredOf({ ...hints, model: "tiny", keep_alive: "5m", stream: false })).toBe(Object.keys(hints).join(", "));
    expect(await ignoredOf({ prompt_cache_key: null, prompt_cache_options: {}, safety_identifier: "" })).toBeNull();
  });

  test("within the input and the questions", async () => {
    const breakpoint = { prompt_cache_breakpoint: { mode: "explicit" } };
    const text = { type: "input_text", text: "a", ...breakpoint };
    const input = [
      { role: "user", content: [text], id: "m1" },
      { role: "assistant", content: "b", phase: "commentary" },
    ];
    const questions = [{ ...PREDICATE, weight: 2 }];
    const named = ["input[0].content[0].prompt_cache_breakpoint", "input[1].phase", "questions[0].weight"];
    expect(await ignoredOf({ input, questions })).toBe(named.join(", "));
  });
});

describe("B-76, B-83: a request is refused", () => {
  const refusal = async (fields: object, options?: DecideOptions) => errorOf(await decide(fields, options).answered);

  for (const [what, fields, param, code, said] of [
    ["without input", { input: undefined }, "input", "missing_required_parameter"],
    ["with an empty input", { input: "" }, "input", "invalid_value"],
    ["with no items", { input: [] }, "input", "invalid_value"],
    ["with another kind of input", { input: 5 }, "input", "invalid_type"],
    ["with an unknown item", { input: [{ type: "reasoning" }] }, "input[0].type", "invalid_value"],
    ["with an unknown role", { input: [{ role: "tool", content: "a" }] }, "input[0].role", "invalid_value"],
    [
      "with a system's image",
      { input: [{ role: "system", content: [{ type: "input_image", image_url: IMAGE }] }] },
      "input[0].content[0].type",
      "unsupported_content",
    ],
    [
      "with a file",
      { input: [{ role: "user", content: [{ type: "input_file", file_id: "f" }] }] },
      "input[0].content[0].type",
      "unsupported_content",
    ],
    [
      "with an image by its address",
      { input: [{ role: "user", content: [{ type: "input_image", image_url: "https://a.b/c.png" }] }] },
      "input[0].content[0].image_url",
      "unsupported_content",
      "No address is fetched",
    ],
    [
      "with an image by its file",
      { input: [{ role: "user", content: [{ type: "input_image", file_id: "f" }] }] },
      "input[0].content[0].image_url",
      "missing_required_parameter",
    ],
    [
      "with JSON that is none",
      { input: [{ role: "user", content: [{ type: "input_json", data: "a" }] }] },
      "input[0].content[0].data",
      "invalid_type",
    ],
    [
      "with an image",
      { input: [{ role: "user", content: [{ type: "input_image", image_url: IMAGE }] }] },
      "input[0].content",
      "unsupported_content",
      "No engine here decides about images",
    ],
    [
      "with an image in a question",
      { questions: [{ ...PREDICATE, instructions: [{ type: "input_image", image_url: IMAGE }] }] },
      "questions[0].instructions",
      "unsupported_content",
    ],
    [
      "with an output of no call",
      { input: [{ type: "function_call_output", call_id: "c", output: "a" }] },
      "input[0].call_id",
      "invalid_value",
      '"c" is the id of no function_call',
    ],
    [
      "with an output of another kind",
      {
        input: [
          { type: "function_call", call_id: "c", name: "f", arguments: "{}" },
          { type: "custom_tool_call_output", call_id: "c", output: "a" },
        ],
      },
      "input[1].call_id",
      "invalid_value",
      "custom_tool_call",
    ],
    [
      "with two calls of one id",
      { input: ["f", "g"].map((name) => ({ type: "function_call", call_id: "c", name, arguments: "" })) },
      "input[1].call_id",
      "invalid_value",
      "two calls",
    ],
    ["without questions", { questions: [] }, "questions", "invalid_value"],
    ["with an unknown question", { questions: [{ type: "rank", instructions: "a" }] }, "questions[0].type", "invalid_value"],
    ["without instructions", { questions: [{ type: "predicate" }] }, "questions[0].instructions", "missing_required_parameter"],
    ["with one choice", { questions: [{ ...CHOICE, choices: [{ value: "a" }] }] }, "questions[0].choices", "invalid_value"],
    [
      "with a number as a choice",
      { questions: [{ ...CHOICE, choices: [{ value: 1 }, { value: 2 }] }] },
      "questions[0].choices[0].value",
      "invalid_type",
    ],
    [
      "with 256 choices",
      { questions: [{ ...CHOICE, choices: Array.from({ length: 256 }, (_, i) => ({ value: `${i}` })) }] },
      "questions[0].choices",
      "too_many_items",
    ],
    [
      "with a long choice",
      { questions: [{ ...CHOICE, choices: [{ value: "a" }, { value: "b".repeat(1025) }] }] },
      "questions[0].choices[1].value",
      "invalid_value",
      "1025 characters",
    ],
    [
      "with a choice twice",
      { questions: [{ ...CHOICE, choices: [{ value: true }, { value: "true" }, { value: true }] }] },
      "questions[0].choices",
      "invalid_value",
      "true is given twice",
    ],
    [
      "with a level twice",
      { questions: [{ ...SCORE, levels: [{ label: "a" }, { label: "a" }] }] },
      "questions[0].levels",
      "invalid_value",
      '"a" is given twice',
    ],
    ["that is to be streamed", { stream: true }, "stream", "unsupported_parameter"],
    ["with a model that is not here", { model: "nope" }, "model", "model_not_found"],
  ] as [string, object, string, string, string?][])
    test(what, async () => {
      const { param: named, code: told, message, status } = await refusal(fields);
      expect([named, told, status]).toEqual([param, code, code === "model_not_found" ? 404 : 400]);
      if (said !== undefined) expect(message).toContain(said);
    });

  test("whose model embeds", async () => {
    const { param, code, message } = await refusal({ model: "tiny" }, { model: { causal: false, pooling: "cls" } });
    expect([param, code]).toEqual(["model", "invalid_value"]);
    expect(message).toContain("a model for embeddings");
  });

  test("whose model is run by other servers", async () => {
    const upstream = { urls: ["http://127.0.0.1:1/v1"], model: "big" };
    const { param, code, message } = await refusal({}, { capabilities: ["images"], model: { files: [], upstream } });
    expect([param, code]).toEqual(["model", "unsupported_parameter"]);
    expect(message).toContain('"tiny"');
  });

  test("by an engine that cannot weigh after all", async () => {
    const fake = fakeAdapter({ capabilities: ["decisions"], answer: ["x"] });
    const { post } = makeApp({ adapter: fake.adapter });
    expect(await errorOf(await post("/v1/decisions", { input: "a", questions: [PREDICATE] }))).toMatchObject({
      status: 400,
      param: "model",
    });
  });
});
