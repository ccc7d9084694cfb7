// Every parameter that OpenAI, llama.cpp, vLLM, Ollama, LM Studio, OpenRouter and others know for chat, with both native engines: what it asks
// for reaches the engine, or is refused with its name, or is named as passed over; values that ask for nothing pass.
import { describe, expect, test } from "bun:test";
import type { Capability, ChatRequest } from "../../adapters/adapter.ts";
import { ABOUT as LLAMA_SERVER } from "../../adapters/llama-server/description.ts";
import { imageChatBody } from "../../adapters/llama-server/image-chat-body.ts";
import { checkedSampling } from "../../adapters/llama-server/request-body.ts";
import { ABOUT as EMBEDDED } from "../../adapters/node-llama-cpp/description.ts";
import { ABOUT as UPSTREAM } from "../../adapters/upstream/description.ts";
import { upstreamBody } from "../../adapters/upstream/request-body.ts";
import type { Model } from "../../models/manifest.ts";
import { PARAMETERS } from "../../src/api/chat/parameters/list.ts";
import { errorOf, makeApp, makeModel } from "../support/app.ts";
import { fakeAdapter } from "../support/fake-adapter.ts";
import { FORMS } from "../support/rendered-prompts.ts";

type Fields = Record<string, unknown>;
/** An engine that does nothing beside plain chat. */
const INCAPABLE = { ...EMBEDDED, capabilities: () => [] };
const ENGINES = { "llama-server": LLAMA_SERVER, "node-llama-cpp": EMBEDDED };

/** The answer to a request with these fields, and what reached the engine. */
async function send(fields: Fields, { capabilities }: typeof UPSTREAM, more: Partial<Model> = {}) {
  const model = makeModel("tiny", { template_tools: true, template_kwargs: [], template_thinking: false, ...more });
  const fake = fakeAdapter({ answer: ["x"], capabilities: [...capabilities(model)] });
  const res = await makeApp({ adapter: fake.adapter, models: [model] }).chat(fields);
  const engine = fake.generations[0]?.request;
  return {
    status: res.status,
    ignored: res.headers.get("x-ingle-ignored"),
    engine,
    error: res.ok ? undefined : await errorOf(res),
  };
}

async function engineAsked(fields: Fields, about: typeof UPSTREAM, more?: Partial<Model>): Promise<ChatRequest> {
  const { engine, error } = await send(fields, about, more);
  if (engine === undefined) throw new Error(JSON.stringify(error));
  return engine;
}

/** A model that llama-server has loaded. */
const LOADED = { context_length: 512, vocab_size: 288 };
const TEMPLATE = { forms: FORMS, parsed_arguments: true };
/** A conversation whose last message is the beginning of an answer. */
const BEGUN = [
  { role: "user", content: "hi" },
  { role: "assistant", content: "ho" },
];
const TOOL = { type: "function", function: { name: "weather", parameters: { type: "object" } } };
const [PENALTY, BOTH] = [{ repeat_penalty: 1.1 }, ["llama-server", "node-llama-cpp"]];

// What an engine gets for a value: a part of its request. `with`: other fields that it needs.
const HONOURED: Record<string, { value: unknown; asks: Fields; with?: Fields; by?: string[]; neutral?: unknown[] }> = {
  max_tokens: { value: 7, asks: { max_tokens: 7 } },
  max_completion_tokens: { value: 7, asks: { max_tokens: 7 } },
  temperature: { value: 0, asks: { temperature: 0, repeatable: true } },
  top_p: { value: 0.1, asks: { top_p: 0.1 } },
  seed: { value: 0, asks: { seed: 0, repeatable: true } },
  stop: { value: ["", "x"], asks: { stop: ["x"] }, neutral: ["", [], [""]] },
  frequency_penalty: { value: 1, asks: { frequency_penalty: 1 }, neutral: [0] },
  presence_penalty: { value: -1, asks: { presence_penalty: -1 }, neutral: [0] },
  top_k: { value: -1, asks: { top_k: 0 } },
  min_p: { value: 0.1, asks: { min_p: 0.1 } },
  repeat_penalty: { value: 1.1, asks: { repeat_penalty: 1.1 } },
  continue_final_message: { value: false, asks: { continue_final_message: false }, with: { messages: BEGUN } },
  add_generation_prompt: { value: true, asks: { continue_final_message: false }, with: { messages: BEGUN } },
  cache_prompt: { value: false, asks: { cache_prompt: false }, neutral: [true] },
  tools: { value: [TOOL], asks: { tools: [TOOL] }, neutral: [[]] },
  tool_choice: { value: "required", asks: { tool_choice: "required" }, with: { tools: [TOOL] } },
  parallel_tool_calls: { value: false, asks: { parallel_tool_calls: false }, with: { tools: [TOOL] } },
  response_format: {
    ...{ value: { type: "json_object" }, asks: { response_format: { type: "json_object" } } },
    neutral: [{ type: "text" }],
  },
  logprobs: { value: true, asks: { logprobs: { top: 0 } }, neutral: [false] },
  top_logprobs: { value: 3, asks: { logprobs: { top: 3 } }, with: { logprobs: true } },
  logit_bias: { value: { "5": 1 }, asks: { logit_bias: { "5": 1 } } },
  n: { value: 2, asks: { choices: { count: 2, at_once: 2 } }, neutral: [1] },
  grammar: { value: 'root ::= "a"', asks: { grammar: 'root ::= "a"' }, neutral: [""] },
  ...sampler("mirostat", 2),
  ...sampler("mirostat_tau", 4, { mirostat: 2 }),
  ...sampler("mirostat_eta", 0.2, { mirostat: 2 }),
  ...sampler("typical_p", 0.9),
  ...sampler("dynatemp_range", 0.5),
  ...sampler("dynatemp_exponent", 2, { dynatemp_range: 0.5 }),
  ...sampler("xtc_probability", 0.5),
  ...sampler("xtc_threshold", 0.2, { xtc_probability: 0.5 }),
  ...sampler("dry_multiplier", 0.8),
  ...sampler("dry_base", 2, { dry_multiplier: 0.8 }),
  ...sampler("dry_allowed_length", 3, { dry_multiplier: 0.8 }),
  ...sampler("dry_penalty_last_n", -1, { dry_multiplier: 0.8 }),
  ...sampler("dry_sequence_breakers", ["\n"], { dry_multiplier: 0.8 }),
  ...sampler("top_n_sigma", 1),
  ...sampler("repeat_last_n", -1, PENALTY),
  ...sampler("min_keep", 2),
  ...sampler("ignore_eos", true),
  ...sampler("samplers", ["top_k", "temperature"]),
};

function sampler(name: string, value: unknown, others: Fields = {}) {
  const samplers = Object.fromEntries(Object.entries({ ...others, [name]: value }).filter(([name]) => name !== "repeat_penalty"));
  return { [name]: { value, asks: { samplers }, with: others } };
}

// Other tests look at these, as no engine gets them.
const OF_THE_API = ["model", "messages", "stream", "stream_options", "stream_options.include_usage", "keep_alive"];

const MAPPED: Record<string, [value: unknown, asks: Fields]> = {
  n_predict: [7, { max_tokens: 7 }],
  num_predict: [-2, { max_tokens: 2 ** 31 - 1 }],
  max_new_tokens: [7, { max_tokens: 7 }],
  repetition_penalty: [1.2, { repeat_penalty: 1.2 }],
  random_seed: [5, { seed: 5, repeatable: true }],
};

const [OFF, ON] = [false, true];
const SCHEMA = { type: "object" };
const FORMAT_OF_SCHEMA = { type: "json_schema", json_schema: { name: "schema", schema: SCHEMA } };

// Other forms of parameters that some engines honour; `neutral`: values that ask for nothing.
const RESPELLED: Record<string, { value: unknown; asks: Fields; needs: Capability; neutral: unknown[]; with?: Fields }> = {
  n_cmpl: { value: 2, asks: { choices: { count: 2, at_once: 2 } }, needs: "choices", neutral: [1] },
  num_return_sequences: { value: 2, asks: { choices: { count: 2, at_once: 2 } }, needs: "choices", neutral: [1] },
  functions: { value: [TOOL.function], asks: { tools: [TOOL], parallel_tool_calls: false }, needs: "tools", neutral: [[]] },
  function_call: {
    ...{ value: { name: "weather" }, asks: { tool_choice: { name: "weather" } }, needs: "tools", neutral: ["none", "auto"] },
    with: { functions: [TOOL.function] },
  },
  ...formats({ json_schema: SCHEMA, guided_json: SCHEMA, format: SCHEMA }, FORMAT_OF_SCHEMA, "response_format"),
  ...formats({ guided_json_object: ON }, { type: "json_object" }, "response_format", [OFF]),
  ...formats({ structured_outputs: { json: SCHEMA } }, FORMAT_OF_SCHEMA, "response_format", [{}, ON, OFF]),
  ...formats({ guided_regex: "a+", regex: "a+" }, { type: "regex", regex: "a+" }, "patterns", [""]),
  ...formats({ guided_choice: ["a"] }, { type: "choice", choice: ["a"] }, "patterns", [[]]),
};

function formats(values: Fields, response_format: object, needs: Capability, neutral: unknown[] = []) {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, { value, asks: { response_format }, needs, neutral }]),
  );
}

// Values that ask for nothing, by the parameters that have them; then values that ask for something.
const REFUSED: [names: string, neutral: unknown[], asking: unknown[]][] = [
  ["best_of num_beams guidance_scale length_penalty tfs_z", [1], [2, 0, "1"]],
  ["modalities", [["text"]], [["text", "audio"], "text"]],
  ["audio web_search_options moderation chat_format truncate_prompt_tokens", [], [0, "x", {}]],
  ["prompt_logprobs repetition_detection task max_dynamic_patch min_dynamic_patch bootstrap_host", [], [0, "x", {}]],
  ["bootstrap_port bootstrap_room routed_dp_rank disagg_prefill_dp_rank data_parallel_rank num_ctx", [], [0, "x", {}]],
  ["context_length prompt_mode dimensions num_gqa rope_frequency_base rope_frequency_scale", [], [0, "x", {}]],
  ["input instructions prompt suffix previous_response_id conversation chat_template system template", [""], ["x", 0]],
  ["reasoning_budget_message reasoning_budget_start_tag reasoning_budget_end_tag grammar_type", [""], ["x", 0]],
  ["generation_prompt chat_parser input_prefix input_suffix guided_grammar", [""], ["x", 0]],
  ["max_output_tokens max_tool_calls multimodal_data prompt_embeds", [""], ["x", 5]],
  ["guided_whitespace_pattern structural_tag cache_salt ebnf lora_path extra_key preset", [""], ["x", 0]],
  ["custom_logit_processor system_prompt mock_response negative_prompt tool_prompt penalty_prompt", [""], ["x", 0]],
  [
    "lora grammar_triggers preserved_tokens response_fields message_delimiters input_extra reasoning_budget_end_tags",
    [[]],
    [["x"], 0],
  ],
  ["stop_token_ids bad_words allowed_token_ids logprob_token_ids logits_processors", [[]], [["x"], 0]],
  ["documents stop_regex input_ids images context integrations plugins image_data include", [[]], [["x"], 0]],
  ["mm_processor_kwargs media_io_kwargs kv_transfer_params ec_transfer_params vllm_xargs text", [{}], [{ a: 1 }, 0]],
  ["session_params custom_params options image_config extra_body extra_headers extra_query search_options", [{}], [{ a: 1 }, 0]],
  ["n_probs n_keep n_discard n_indent n_cache_reuse min_tokens priority routed_experts_prompt_start", [0], [1, "x"]],
  ["routed_experts_start_len num_keep top_a no_repeat_ngram_size top_logprobs_num", [0], [1, "x"]],
  ["id_slot slot_id adaptive_target", [-1], [0, 5, "x"]],
  ["t_max_prompt_ms t_max_predict_ms", [-1, 0], [5, "x"]],
  ["adaptive_decay", [0.9], ["x"]],
  ["penalize_nl penalize_newline", [true, false], ["x"]],
  ["echo background grammar_lazy reasoning_control thinking_forced_open post_sampling_probs return_progress", [OFF], [ON, 1]],
  ["return_tokens timings_per_token verbose use_beam_search early_stopping embedding_only logits_all", [OFF], [ON, 1]],
  ["include_stop_str_in_output add_special_tokens watermarking return_tokens_as_token_ids", [OFF], [ON, 1]],
  ["return_token_ids return_prompt_text return_token_offsets no_stop_trim return_hidden_states", [OFF], [ON, 1]],
  ["return_routed_experts return_cached_tokens_details return_prompt_token_ids return_meta_info", [OFF], [ON, 1]],
  [
    "return_logprob return_sampling_mask use_audio_in_video raw truncate shift _debug_render_only safe_prompt enable_search",
    [OFF],
    [ON, 1],
  ],
  ["parse_tool_calls skip_special_tokens separate_reasoning", [ON], [OFF, 1]],
  ["stream_reasoning do_sample", [ON], [OFF, 1]],
  ["spaces_between_special_tokens return_mm_kwargs", [ON, OFF], [1]],
  ["truncation", ["disabled"], ["auto"]],
  ["truncation_side", ["left", "right"], ["x"]],
  ["reasoning_format", ["auto", "deepseek"], ["none", 0]],
  ["stream_options.continuous_usage_stats", [OFF], [ON]],
];

const PASSED_OVER: [names: string, neutral: unknown[], asking: unknown[]][] = [
  ["user safety_identifier prompt_cache_key prompt_cache_retention request_id session_id guided_decoding_backend", [""], ["x"]],
  ["rid draft_model route", [""], ["x"]],
  ["metadata prompt_cache_options custom_labels provider trace debug cache_control litellm_metadata", [{}], [{ a: "1" }]],
  ["models transforms tags", [[]], [["x"]]],
  ["store backend_sampling drop_params", [OFF], [ON]],
  ["service_tier", ["auto", "default"], ["flex"]],
  ["verbosity", ["medium"], ["low", "high"]],
  ["prediction", [], [{ type: "content", content: "x" }]],
  ["stream_interval", [1], [5]],
  ["sse_ping_interval speculative.n_max speculative.n_min speculative.p_min num_batch num_gpu main_gpu", [], [5]],
  ["num_thread use_mmap use_mlock low_vram f16_kv numa vocab_only draft_num_predict num_retries timeout", [], [5]],
  ["speculative.type speculative.ngram_size_n speculative.ngram_size_m speculative.ngram_min_hits", [], [5]],
  ["stream_options.include_obfuscation", [OFF], [ON]],
];

/** Of thoughts. */
const BUDGETS = [
  "reasoning_budget",
  "reasoning_budget_tokens",
  "thinking_budget_tokens",
  "thinking_token_budget",
  "thinking_budget",
];
const SWITCHES = ["reasoning_effort", "chat_template_kwargs", "thinking", "think", "reasoning", "enable_thinking"];

const rowsOf = (table: typeof REFUSED) =>
  table.flatMap(([names, ...values]) => names.split(" ").map((name): (typeof REFUSED)[number] => [name, ...values]));

/** As a field of the body; a path is one of `stream_options`. */
function fieldOf(name: string, value: unknown): Fields {
  const [, inner] = /^stream_options\.(.+)$/.exec(name) ?? [];
  return inner === undefined ? { [name]: value } : { stream_options: { [inner]: value } };
}

test("the tables hold every parameter of the list, by what becomes of it", () => {
  const listed = (type: string) => [...PARAMETERS].filter(([, { treatment }]) => treatment.type === type).map(([name]) => name);
  expect(listed("honoured").sort()).toEqual([...Object.keys(HONOURED), ...OF_THE_API].sort());
  expect(listed("mapped").sort()).toEqual([...Object.keys({ ...MAPPED, ...RESPELLED }), "ttl", "usage"].sort());
  expect(listed("switch").sort()).toEqual([...SWITCHES].sort());
  expect(listed("thoughts").sort()).toEqual([...BUDGETS, "include_reasoning"].sort());
  expect(listed("passed over").sort()).toEqual(
    rowsOf(PASSED_OVER)
      .map(([name]) => name)
      .sort(),
  );
  expect(listed("refused").sort()).toEqual(
    rowsOf(REFUSED)
      .map(([name]) => name)
      .sort(),
  );
});

for (const [engine, about] of Object.entries(ENGINES)) {
  describe(`with ${engine}`, () => {
    test.each(Object.entries(HONOURED))("%s is honoured, or refused with its name", async (name, row) => {
      const others = row.with ?? {};
      for (const value of [null, ...(row.neutral ?? [])]) {
        expect(await send({ [name]: value }, about)).toMatchObject({ status: 200, ignored: null });
      }
      if ((row.by ?? BOTH).includes(engine)) {
        const plain = await engineAsked(others, about);
        const asked = await engineAsked({ ...others, [name]: row.value }, about);
        expect(asked).toMatchObject(row.asks);
        expect(plain).not.toMatchObject(row.asks);
        // Both routes have the same names for it. The slot that a generation takes knows whether it is compared with the prompt:
        // llama-server-slots.test.ts.
        if (engine === "llama-server" && name !== "cache_prompt" && name !== "n") {
          const bodies = [plain, asked].map(({ choices: _choices, ...request }) =>
            imageChatBody(checkedSampling(request, LOADED), LOADED, TEMPLATE),
          );
          expect(bodies[1]).not.toEqual(bodies[0]!);
        }
      } else {
        const { error } = await send({ ...others, [name]: row.value }, about);
        expect(error).toMatchObject({ status: 400, code: "unsupported_parameter" });
        expect([name, ...Object.keys(others)]).toContain(error!.param!);
      }
    });

    test.each(Object.entries(MAPPED))("%s has the effect of another parameter", async (name, [value, asks]) => {
      expect((await send({ [name]: null }, about)).status).toBe(200);
      expect(await engineAsked({ [name]: value }, about)).toMatchObject(asks);
    });

    test.each(Object.entries(RESPELLED))("%s is what it is in OpenAI's words, or refused with its name", async (name, row) => {
      for (const value of [null, ...row.neutral])
        expect([value, await send({ [name]: value }, about)]).toMatchObject([value, { status: 200, ignored: null }]);
      const fields = { ...row.with, [name]: row.value };
      const { engine: asked, error } = await send(fields, about);
      if (about.capabilities(makeModel("tiny", { template_tools: true })).includes(row.needs))
        expect(asked).toMatchObject(row.asks);
      else expect(error).toMatchObject({ status: 400, code: "unsupported_parameter" });
      if (error !== undefined) expect(Object.keys(fields)).toContain(error.param!.split(".")[0]!);
    });

    test.each(rowsOf(REFUSED))("%s is refused with its name, unless it asks for nothing", async (name, neutral, asking) => {
      const plain = await engineAsked({}, about);
      for (const value of [null, ...neutral]) {
        const { status, ignored, engine } = await send(fieldOf(name, value), about);
        expect([value, status, ignored, engine]).toEqual([value, 200, null, plain]);
      }
      for (const value of asking) {
        const { error } = await send(fieldOf(name, value), about);
        expect([value, error]).toMatchObject([value, { status: 400, param: name, code: "unsupported_parameter" }]);
      }
    });

    test.each(rowsOf(PASSED_OVER))("%s is passed over and named, unless it asks for nothing", async (name, neutral, asking) => {
      const plain = await engineAsked({}, about);
      for (const value of [null, ...neutral]) {
        expect([value, await send(fieldOf(name, value), about)]).toMatchObject([value, { status: 200, ignored: null }]);
      }
      for (const value of asking) {
        const { status, ignored, engine } = await send(fieldOf(name, value), about);
        expect([value, status, ignored, engine]).toEqual([value, 200, name, plain]);
      }
    });
  });
}

describe("with another server", () => {
  const MODEL = { upstream: { urls: ["http://127.0.0.1:1/v1"] }, files: [] };

  test("hints and switches are handed on as they are, and none is named", async () => {
    const hints = {
      user: "me",
      store: true,
      verbosity: "low",
      reasoning_effort: "none",
      think: "high",
      chat_template_kwargs: { a: 1 },
    };
    const { engine, ignored } = await send({ ...hints, n: 1, thinking: { type: "disabled" } }, UPSTREAM, MODEL);
    expect([engine!.hints, ignored]).toEqual([{ ...hints, thinking: { type: "disabled" } }, null]);
    expect(upstreamBody(engine!, "big")).toMatchObject({ ...hints, model: "big" });
  });

  test("a prompt that is to be read anew is so there", async () => {
    expect(upstreamBody(await engineAsked({ cache_prompt: false }, UPSTREAM, MODEL), "big").cache_prompt).toBe(false);
    expect(upstreamBody(await engineAsked({}, UPSTREAM, MODEL), "big")).not.toHaveProperty("cache_prompt");
  });

  test("max_tokens -1 is left to that server", async () => {
    const body = upstreamBody(
      await engineAsked({ max_tokens: -1 }, UPSTREAM, { ...MODEL, parameters: { max_tokens: 9 } }),
      "big",
    );
    expect(body).not.toHaveProperty("max_tokens");
  });
});

test("a refusal says what to send instead, where there is something", async () => {
  const { error } = await send({ ebnf: 'root ::= "a"' }, EMBEDDED);
  expect(error).toMatchObject({ param: "ebnf", message: expect.stringContaining('Send it in GBNF, as "grammar".') });
});

describe("a parameter with two names", () => {
  test.each([
    [{ repetition_penalty: 1.1, repeat_penalty: 1.1 }, undefined],
    [{ repetition_penalty: 1.1, repeat_penalty: 1.2 }, "repetition_penalty"],
    [{ max_tokens: 5, n_predict: 6 }, "n_predict"],
    [{ n_predict: 5, num_predict: 6, max_completion_tokens: 7 }, undefined],
    [{ max_new_tokens: "5" }, "max_new_tokens"],
    [{ n_predict: -1 }, undefined],
    [{ n_predict: -2 }, "n_predict"],
    [{ num_predict: 0 }, "num_predict"],
    [{ repetition_penalty: 0 }, "repetition_penalty"],
    [{ seed: 1, random_seed: 2 }, "random_seed"],
    [{ ttl: "soon" }, "ttl"],
    [{ ttl: 60, keep_alive: "60s" }, undefined],
    [{ ttl: 60, keep_alive: 0 }, "ttl"],
  ])("%j: refused is %p", async (fields, param) => {
    const { status, error } = await send(fields, EMBEDDED);
    expect([status, error?.param]).toEqual([param === undefined ? 200 : 400, param]);
  });
});

describe("what is passed over", () => {
  test("has names that nobody knows, up to 50, with no byte that a header cannot hold", async () => {
    expect((await send({ temprature: 0 }, EMBEDDED)).ignored).toBe("temprature");
    const { ignored } = await send({ user: "me", "a,b\r\nc: \ud800é": 1 }, EMBEDDED);
    expect(ignored).toBe("user, a%2Cb%0D%0Ac:%20%EF%BF%BD%C3%A9");
    const many = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`x${i}`, 1]));
    expect((await send(many, EMBEDDED)).ignored?.split(", ")).toEqual([...Object.keys(many).slice(0, 50), "..."]);
  });

  const FORMAT = { type: "json_schema", json_schema: { name: "n", schema: {}, strict: true } };
  const described = { ...FORMAT, json_schema: { ...FORMAT.json_schema, description: "D" } };
  const marked = { ...TOOL, function: { name: "time" }, cache_control: { type: "ephemeral" }, x: null };
  const called = { ...TOOL, function: { ...TOOL.function, examples: [1], title: "", extra: [] } };
  test.each<[fields: Fields, ignored: string | null]>([
    [{ tools: [TOOL] }, null],
    [{ tools: [TOOL, marked] }, "tools[1].cache_control"],
    [{ tools: [called] }, "tools[0].function.examples"],
    [{ response_format: FORMAT }, null],
    [{ response_format: { ...FORMAT, strict: true } }, "response_format.strict"],
    [{ response_format: described }, "response_format.json_schema.description"],
    [{ response_format: { type: "json_object", json_schema: FORMAT.json_schema } }, "response_format.json_schema"],
    [{ response_format: { type: "json_object", schema: {} } }, null],
  ])("is what stands inside of %j", async (fields, ignored) => {
    expect(await send(fields, LLAMA_SERVER)).toMatchObject({ status: 200, ignored });
  });

  const cached = { type: "text", text: "hi", cache_control: { type: "ephemeral" } };
  const call = { id: "a", index: 0, type: "function", function: { name: "f", arguments: "{}", x: 1 } };
  test.each<[messages: Fields[], ignored: string | null]>([
    [[{ role: "user", content: [{ ...cached, cache_control: null }] }], null],
    [[{ role: "user", content: [{ type: "text", text: "a" }, cached] }], "messages[0].content[1].cache_control"],
    [[{ role: "assistant", content: "a", annotations: [], audio: null, prefix: true }], null],
    [[{ role: "user", content: "a", cache_control: { type: "ephemeral" } }], "messages[0].cache_control"],
    [
      [
        { role: "assistant", tool_calls: [call] },
        { role: "tool", content: "b" },
      ],
      "messages[0].tool_calls[0].function.x",
    ],
  ])("is what stands inside of the messages %j", async (messages, ignored) => {
    for (const engine of [EMBEDDED, LLAMA_SERVER, UPSTREAM])
      expect(await send({ messages }, engine)).toMatchObject({ status: 200, ignored });
  });

  test("is how closely an image is looked at, where this machine looks", async () => {
    const part = (detail?: string | null) => ({ type: "image_url", image_url: { url: "data:image/png;base64,AAAA", detail } });
    const content = [{ type: "text", text: "hi" }, part("low"), part("auto"), part(null), part()];
    const messages = [{ role: "user", content }];
    const seeing = { ...LLAMA_SERVER, capabilities: () => ["images"] as const };
    expect((await send({ messages }, seeing as never)).ignored).toBe("messages[0].content[1].image_url.detail");
    const upstream = { urls: ["http://127.0.0.1:9/v1"] };
    const { ignored, engine } = await send({ messages }, UPSTREAM, { upstream, files: [] });
    expect(ignored).toBeNull();
    expect(engine!.messages[0]!.content).toMatchObject([{}, { image_url: { detail: "low" } }, {}, {}, {}]);
  });

  test("is not the description of a schema for another server, which gets it as it was sent", async () => {
    const upstream = { urls: ["http://127.0.0.1:9/v1"] };
    const { ignored, engine } = await send({ response_format: described }, UPSTREAM, { upstream, files: [] });
    expect(ignored).toBeNull();
    expect(engine?.response_format).toEqual(described as ChatRequest["response_format"]);
  });

  test("is named in a stream too", async () => {
    const res = await makeApp().chat({ stream: true, user: "me", stream_options: { include_usage: true, x: 1 } });
    expect(res.headers.get("x-ingle-ignored")).toBe("user, stream_options.x");
    await res.text();
  });

  test("is nothing where nothing is asked for", async () => {
    expect((await makeApp().chat({ user: null })).headers.has("x-ingle-ignored")).toBe(false);
  });
});

test("usage of OpenRouter is include_usage", async () => {
  const res = await makeApp().chat({ stream: true, usage: { include: true } });
  expect(await res.text()).toContain('"total_tokens"');
});

describe("the switch of a chat template", () => {
  const QWEN = { template_kwargs: ["enable_thinking"], template_thinking: true };
  const GRANITE = { template_kwargs: ["documents", "thinking"], template_thinking: true };
  const MINIMAX = { template_kwargs: ["thinking_mode"], template_thinking: true };
  const GPT_OSS = { template_kwargs: ["reasoning_effort"], template_thinking: true };
  const ALWAYS = { template_kwargs: [], template_thinking: true };
  const NEVER = { template_kwargs: [], template_thinking: false };
  const UNKNOWN = { template_kwargs: undefined, template_thinking: undefined };
  /** Its words are those of thoughts, but it was loaded and has no markers. */
  const SEEMING = { ...ALWAYS, template_abilities: { tool_calls: "native", reasoning: false, llama_cpp: "x" } } as const;
  const PLAIN = { ...QWEN, settings: { prompt_template: "{prompt}" } };
  type Row = [fields: Fields, template: Partial<Model>, kwargs: Fields | undefined, ignored: string | null, budget?: number];
  const OFF_BY: Fields[] = [
    { reasoning_effort: "none" },
    { thinking: { type: "disabled" } },
    { think: false },
    { enable_thinking: false },
    { reasoning: { enabled: false } },
    { reasoning: { effort: "none" } },
    { reasoning: { max_tokens: 0 } },
    { thinking: { type: "enabled", budget_tokens: 0 } },
    ...BUDGETS.map((name) => ({ [name]: 0 })),
  ];
  const BOUND_BY: Fields[] = [
    { reasoning: { max_tokens: 100 } },
    { thinking: { type: "adaptive", budget_tokens: 100 } },
    ...BUDGETS.map((name) => ({ [name]: 100 })),
  ];
  const ROWS: Row[] = [
    ...OFF_BY.flatMap((fields): Row[] => [
      [fields, QWEN, { enable_thinking: false }, null, 0],
      [fields, GRANITE, { thinking: false }, null, 0],
      [fields, MINIMAX, { thinking_mode: "disabled" }, null, 0],
      [fields, UNKNOWN, { enable_thinking: false }, null, 0],
      // They have no switch, so their thoughts are ended at once.
      [fields, ALWAYS, undefined, null, 0],
      [fields, GPT_OSS, undefined, null, 0],
      [fields, NEVER, undefined, null],
      [fields, PLAIN, undefined, null],
    ]),
    ...BOUND_BY.flatMap((fields): Row[] => [
      [fields, QWEN, undefined, null, 100],
      [fields, NEVER, undefined, null],
    ]),
    [{ reasoning_budget: 7, thinking_budget: 7, reasoning_effort: "low" }, ALWAYS, undefined, null, 7],
    [
      { reasoning_budget_tokens: -1, thinking: { type: "disabled", budget_tokens: 100 } },
      QWEN,
      { enable_thinking: false },
      null,
      0,
    ],
    [{ thinking: { type: "disabled", budget_tokens: 0 } }, ALWAYS, undefined, null, 0],
    [{ thinking: { type: "enabled", budget_tokens: 100 } }, QWEN, { enable_thinking: true }, null, 100],
    [{ think: true, thinking_budget: 0 }, QWEN, { enable_thinking: false }, "think", 0],
    [
      { chat_template_kwargs: { enable_thinking: false } },
      ALWAYS,
      { enable_thinking: false },
      "chat_template_kwargs.enable_thinking",
    ],
    [{ chat_template_kwargs: { enable_thinking: false } }, NEVER, { enable_thinking: false }, null],
    [
      { chat_template_kwargs: { enable_thinking: false, x: 1, y: null } },
      QWEN,
      { enable_thinking: false, x: 1 },
      "chat_template_kwargs.x",
      0,
    ],
    [{ chat_template_kwargs: {} }, ALWAYS, undefined, null],
    ...BUDGETS.map((name): Row => [{ [name]: -1 }, ALWAYS, undefined, null]),
    // Shares of max_tokens, 2048 where none is asked for, and bounds of their own.
    [{ reasoning_effort: "high" }, GPT_OSS, { reasoning_effort: "high" }, null, 1638],
    [{ reasoning_effort: "medium", max_tokens: 100 }, ALWAYS, undefined, null, 50],
    [{ reasoning_effort: "minimal", max_tokens: 5 }, ALWAYS, undefined, null, 1],
    [{ reasoning_effort: "medium", max_tokens: -1 }, ALWAYS, undefined, null, 8192],
    [{ reasoning_effort: "max" }, ALWAYS, undefined, null],
    [{ think: "low" }, GPT_OSS, { reasoning_effort: "low" }, null, 409],
    [{ reasoning_effort: "high" }, GRANITE, { thinking: true }, null, 1638],
    [{ reasoning_effort: "high" }, NEVER, undefined, "reasoning_effort"],
    [{ reasoning_effort: "high" }, SEEMING, undefined, "reasoning_effort"],
    [{ think: "low", reasoning_effort: "high" }, GPT_OSS, { reasoning_effort: "low" }, "reasoning_effort", 409],
    [
      { reasoning_effort: "high", chat_template_kwargs: { reasoning_effort: "low" } },
      GPT_OSS,
      { reasoning_effort: "low" },
      "reasoning_effort",
    ],
    [{ reasoning_effort: "auto", thinking: { type: "adaptive" }, reasoning: {} }, NEVER, undefined, null],
    [
      { reasoning: { summary: "auto", x: null }, thinking: { type: "auto", display: "omitted" } },
      QWEN,
      undefined,
      "thinking.display, reasoning.summary",
    ],
    [{ think: true }, ALWAYS, undefined, null],
    [{ think: true }, NEVER, undefined, "think"],
    [{ think: true, reasoning_effort: "none" }, QWEN, { enable_thinking: true }, "reasoning_effort"],
    [{ think: true, chat_template_kwargs: { enable_thinking: false } }, QWEN, { enable_thinking: false }, "think", 0],
    [
      { reasoning_effort: "none", chat_template_kwargs: { enable_thinking: true } },
      QWEN,
      { enable_thinking: true },
      "reasoning_effort",
    ],
  ];
  for (const [engine, about] of Object.entries(ENGINES)) {
    // A row that is too short would get a callback.
    const rows = ROWS.map(([fields, template, kwargs, ignored, budget]) => [fields, template, kwargs, ignored, budget] as const);
    test.each(rows)(`of %j with ${engine} and a template of %j: %j`, async (fields, template, kwargs, ignored, budget) => {
      const { engine, ignored: named } = await send(fields, about, template);
      expect([engine?.chat_template_kwargs, named, engine?.reasoning_budget]).toEqual([kwargs, ignored, budget]);
    });
  }

  test.each<[Fields, string, string]>([
    [{ reasoning_effort: "much" }, "reasoning_effort", "invalid_value"],
    [{ reasoning_effort: 5 }, "reasoning_effort", "invalid_type"],
    [{ thinking: { type: "enabled", budget_tokens: 100 }, reasoning_budget: 99 }, "thinking.budget_tokens", "invalid_value"],
    [{ thinking_budget: 0, reasoning_budget: 99 }, "thinking_budget", "invalid_value"],
    ...BUDGETS.map((name): [Fields, string, string] => [
      { [name]: 100, reasoning: { max_tokens: 0 } },
      "reasoning.max_tokens",
      "invalid_value",
    ]),
    [{ thinking_budget_tokens: 1.5 }, "thinking_budget_tokens", "invalid_type"],
    [{ reasoning_budget: -2 }, "reasoning_budget", "invalid_value"],
    [{ thinking_budget: "x" }, "thinking_budget", "invalid_type"],
    [{ reasoning: { exclude: true }, include_reasoning: true }, "include_reasoning", "invalid_value"],
    [{ include_reasoning: 1 }, "include_reasoning", "invalid_type"],
    [{ chat_template_kwargs: { messages: [] } }, "chat_template_kwargs.messages", "invalid_value"],
    [{ chat_template_kwargs: { "a b": 1 } }, "chat_template_kwargs.a b", "invalid_value"],
    [{ chat_template_kwargs: { enable_thinking: "no" } }, "chat_template_kwargs.enable_thinking", "invalid_type"],
    [{ chat_template_kwargs: "x" }, "chat_template_kwargs", "invalid_type"],
    [{ enable_thinking: "no" }, "enable_thinking", "invalid_type"],
  ])("%j is refused", async (fields, param, code) => {
    expect((await send(fields, EMBEDDED, QWEN)).error).toMatchObject({ status: 400, param, code });
  });
});

describe("values that ask for nothing", () => {
  const NULLS = { type: "function", function: { name: "weather", description: null, parameters: null, strict: null } };

  test("are nulls in the definition of a tool", async () => {
    expect(await engineAsked({ tools: [NULLS] }, LLAMA_SERVER)).toMatchObject({
      tools: [{ type: "function", function: { name: "weather" } }],
    });
    expect((await engineAsked({ tools: [NULLS] }, LLAMA_SERVER)).tools![0]!.function).toEqual({ name: "weather" });
  });

  test("are tools that may not be called, and functions likewise", async () => {
    const plain = await engineAsked({}, INCAPABLE);
    expect(await engineAsked({ tools: [TOOL], tool_choice: "none" }, INCAPABLE)).toEqual(plain);
    expect(await engineAsked({ functions: [{ name: "f" }], function_call: "none" }, INCAPABLE)).toEqual(plain);
    expect(await engineAsked({ tool_choice: "none", parallel_tool_calls: true }, INCAPABLE)).toEqual(plain);
  });

  test("are settings of a sampler that is off, with the record's penalties too", async () => {
    const tuning = {
      mirostat_tau: 5,
      mirostat_eta: 0.1,
      xtc_threshold: 0.1,
      dry_base: 1.75,
      dry_allowed_length: 2,
      repeat_last_n: -1,
    };
    const more = { dry_penalty_last_n: -1, dry_sequence_breakers: ["x"], dynatemp_exponent: 1, min_keep: 0, mirostat: 0 };
    const plain = await engineAsked({}, INCAPABLE);
    expect(await engineAsked({ ...tuning, ...more, frequency_penalty: 0 }, INCAPABLE)).toEqual(plain);
    const { error } = await send({ repeat_last_n: 64 }, INCAPABLE, { parameters: { frequency_penalty: 1 } });
    expect(error).toMatchObject({ param: "repeat_last_n", code: "unsupported_parameter" });
  });

  test("are up to eight sequence breakers of 20 bytes", async () => {
    const ofBreakers = (...dry_sequence_breakers: string[]) => ({ dry_multiplier: 1, dry_sequence_breakers });
    const most = Array.from({ length: 8 }, (_, i) => `${i}`.padEnd(20, "x"));
    for (const can of [EMBEDDED, LLAMA_SERVER]) {
      expect((await engineAsked(ofBreakers(...most), can)).samplers).toMatchObject({ dry_sequence_breakers: most });
      const { error: many } = await send(ofBreakers(...most, "x"), can);
      expect(many).toMatchObject({ param: "dry_sequence_breakers", code: "too_many_items" });
      const { error: long } = await send(ofBreakers("\n", "ä".repeat(11)), can);
      expect(long).toMatchObject({ param: "dry_sequence_breakers[1]", code: "invalid_value" });
      expect(long!.message).toEndWith("It may have 20 bytes at most.");
    }
  });

  test("are up to 64 stop strings, the empty ones left out", async () => {
    const stop = Array.from({ length: 64 }, (_, i) => `s${i}`);
    expect((await engineAsked({ stop }, EMBEDDED)).stop).toEqual(stop);
    expect((await send({ stop: [...stop, "x"] }, EMBEDDED)).error).toMatchObject({ param: "stop", code: "too_many_items" });
    expect((await engineAsked({ stop: "" }, EMBEDDED, { parameters: { stop: ["END"] } })).stop).toEqual([]);
  });
});
