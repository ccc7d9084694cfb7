// What every adapter must do, whatever runs behind it. Each adapter's test calls this and adds only what is its own.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  AdapterError,
  type Adapter,
  type Capability,
  type ChatEvent,
  type ChatRequest,
  type Engine,
} from "../adapters/adapter.ts";
import type { AdapterErrorCode } from "../adapters/error-options.ts";
import type { InstalledModel } from "../models/manifest.ts";
import { embeddingSuite } from "./embedding-suite.ts";
import { completionSuite } from "./completion-suite.ts";
import { decisionSuite } from "./decision-suite.ts";
import { collect } from "./support/collect.ts";
import { ask, tinyModel } from "./support/models.ts";

export interface Subject {
  adapter: Adapter;
  model: () => Promise<InstalledModel>;
  /** A prompt whose greedy answer has more than 12 tokens, and how many tokens the prompt is. */
  prompt: string;
  prompt_tokens: number;
  /** A prompt that is several batches long, and fits; absent where an adapter reads prompts at once. */
  long_prompt?: string;
  /** Tokens of a slot. */
  context: number;
  /** Whether the seed can make a difference. */
  samples: boolean;
  /** False: another server makes vectors of one length alone. */
  cuts?: boolean;
  /** False: another server takes tokens as they are, and adds to them no beginning and no end. */
  adds_ends?: boolean;
  /** Slots of the engine, where it does not have as many as were requested. */
  slots?: number;
  /** Cached tokens are reused for the same request too: the other server decides. */
  caches?: boolean;
  /** It looks for stop sequences in bytes, where those that make no character are not shown yet as U+FFFD. */
  stops_by_bytes?: boolean;
  /** A piece of its greedy answer has the same tokens in a prompt, so that an answer can be told to go on. */
  goes_on?: boolean;
  /** Of the tokens of a chat it tells the number alone, and of tokens no bytes: so do other servers. */
  only_counts?: boolean;
  /** What this model can be asked to do, as `Adapter.capabilities` says; absent: nothing beside plain chat. */
  capabilities?: readonly Capability[];
  /** What makes its model call a tool, beside `tool_choice`; absent: its template knows none. */
  calls_tools?: Partial<ChatRequest>;
  /** Adds what an adapter must have left behind nowhere after `close`. */
  afterClose?: () => void | Promise<void>;
}

/** The tiny model as a subject of node-llama-cpp, wherever that runs. */
export const TINY: Omit<Subject, "adapter"> = {
  model: () => tinyModel({ context_length: 1536 }),
  prompt: "hello world, xyz",
  prompt_tokens: 18,
  long_prompt: "ab ".repeat(440),
  context: 1536,
  samples: true,
};

/** A call of it is a bare JSON object, so that a bias for the brace makes even random weights begin one. */
export const TOOLS_TEMPLATE =
  "{% if tools %}TOOLS {% for tool in tools %}{{ tool | tojson }}{% endfor %}{% endif %}" +
  "{% for message in messages %}<|im_start|>{{ message.role }}\n{% if message.content %}{{ message.content }}{% endif %}" +
  "{% if message.tool_calls %}{% for tool_call in message.tool_calls %}" +
  `{"name": "{{ tool_call.function.name }}", "arguments": {{ tool_call.function.arguments | tojson }}}` +
  "{% endfor %}{% endif %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";
const BRACE = 3 + "{".charCodeAt(0);

/** The tiny model with that template. */
export const TINY_WITH_TOOLS: Omit<Subject, "adapter"> = {
  ...TINY,
  model: () => tinyModel({ context_length: 1536, template: TOOLS_TEMPLATE }),
  prompt_tokens: 68,
  calls_tools: { logit_bias: { [BRACE]: 100 } },
};

const SLOTS = 3;

const CITIES = ["Paris", "Rome"];
const CITY = { type: "object", properties: { city: { enum: CITIES } }, required: ["city"], additionalProperties: false };
const TOOLS = ["get_weather", "get_time"].map((name) => ({
  type: "function" as const,
  function: { name, description: "Of a city.", parameters: CITY },
}));

export function adapterSuite(name: string, subject: Subject): void {
  const { adapter, prompt, prompt_tokens, long_prompt, context, samples, slots = SLOTS } = subject;
  const { caches = false, stops_by_bytes = false, goes_on = false, capabilities = [], calls_tools } = subject;
  const can = (capability: Capability): boolean => capabilities.includes(capability);

  describe(name, () => {
    let engine: Engine;
    const chat = (request: ChatRequest, signal = new AbortController().signal) => collect(engine.chat(request, signal));

    beforeAll(async () => {
      engine = await adapter.load(await subject.model(), { slots: SLOTS, context, threads: 1 }, new AbortController().signal);
    });
    afterAll(async () => {
      await engine.close();
    });

    test("the engine has the slots and the context that were asked for", () => {
      expect(engine.slots).toBe(slots);
      expect(engine.context_length).toBe(context);
    });

    test("what the model's template can is the same before a load, where it is known at all", async () => {
      const before = await adapter.templateAbilities?.(await subject.model(), new AbortController().signal);
      expect(before).toEqual(engine.template);
    });

    test("events come in order: prompt, text, one finish", async () => {
      const { events } = await chat(ask(prompt));
      expect(events.map(({ type }) => type).join(" ")).toMatch(/^(prompt )*(text )+finish$/);
    });

    test("usage counts what was fed and what was produced", async () => {
      const { usage, finish } = await chat(ask(prompt, { max_tokens: 5 }));
      expect(finish.reason).toBe("length");
      expect(usage).toEqual({ prompt_tokens, completion_tokens: 5, cached_tokens: caches ? usage.cached_tokens : 0 });
      expect(usage.cached_tokens).toBeLessThan(prompt_tokens);
    });

    test.if(samples)("what a slot holds is not reused where the prompt is to be read anew", async () => {
      const warm = { max_tokens: 1, repeatable: false };
      await chat(ask(prompt, warm));
      expect((await chat(ask(prompt, warm))).usage.cached_tokens).toBeGreaterThan(0);
      expect((await chat(ask(prompt, { ...warm, cache_prompt: false }))).usage.cached_tokens).toBe(0);
      expect((await chat(ask(prompt, warm))).usage.cached_tokens).toBeGreaterThan(0);
    });

    test("max_tokens 1 is one token", async () => {
      const { usage, finish } = await chat(ask(prompt, { max_tokens: 1 }));
      expect([usage.completion_tokens, finish.reason]).toEqual([1, "length"]);
    });

    test("max_tokens is bounded by the context", async () => {
      const fed = async (words: number) => (await chat(ask("a ".repeat(words), { max_tokens: 1 }))).usage.prompt_tokens;
      const [few, more] = [await fed(20), await fed(40)];
      const words = 40 + Math.floor(((context - 24 - more) * 20) / (more - few));
      const { usage } = await chat(ask("a ".repeat(words), { max_tokens: 1e9 }));
      expect(usage.prompt_tokens).toBeGreaterThan(context - 32);
      expect(usage.prompt_tokens + usage.completion_tokens).toBeLessThanOrEqual(context);
    });

    test("temperature 0 is greedy and repeatable", async () => {
      const first = await chat(ask(prompt, { seed: 1 }));
      const second = await chat(ask(prompt, { seed: 2 }));
      const only = await chat(ask(prompt, { temperature: 1, top_k: 1 }));
      const narrow = await chat(ask(prompt, { temperature: 1, top_p: 0 }));
      expect([second.text, only.text, narrow.text]).toEqual([first.text, first.text, first.text]);
    });

    test("a seed makes sampling repeatable", async () => {
      const hot = { temperature: 2, max_tokens: 12 };
      const [one, again] = [await chat(ask(prompt, { ...hot, seed: 7 })), await chat(ask(prompt, { ...hot, seed: 7 }))];
      expect(again.text).toBe(one.text);
    });

    test.if(samples)("another seed samples another answer", async () => {
      const texts = new Set<string>();
      for (const seed of [1, 2, 3, 4]) texts.add((await chat(ask(prompt, { temperature: 2, max_tokens: 12, seed }))).text);
      expect(texts.size).toBeGreaterThan(1);
    });

    test.if(samples)("penalties change a repetitive answer", async () => {
      const plain = await chat(ask(prompt, { max_tokens: 48 }));
      const penalised = await chat(
        ask(prompt, { max_tokens: 48, frequency_penalty: 2, presence_penalty: 2, repeat_penalty: 1.5 }),
      );
      expect(penalised.text).not.toBe(plain.text);
    });

    test("stop sequences end the answer and never show, wherever they lie", async () => {
      const { text } = await chat(ask(prompt));
      const step = stops_by_bytes ? 1 : Math.ceil(text.length / 4);
      const starts = Array.from({ length: text.length - 2 }, (_, n) => n + 1).filter((n) => n % step === 1 % step);
      const stops = starts.flatMap((start) => [1, 7].map((length) => text.slice(start, start + length)));
      const possible = stops.filter((stop) => !stops_by_bytes || !stop.includes("\ufffd"));
      expect(possible.length).toBeGreaterThan(4);
      for (const stop of possible) {
        const stopped = await chat(ask(prompt, { stop: ["never said", stop] }));
        expect(stopped.text).toBe(text.slice(0, text.indexOf(stop)));
        expect(stopped.finish.reason).toBe("stop");
      }
    });

    test("a stop sequence that only begins is shown after all", async () => {
      const { text } = await chat(ask(prompt));
      const almost = await chat(ask(prompt, { stop: [`${text.slice(-3)}…`] }));
      expect(almost.text).toBe(text);
    });

    test("every text is whole UTF-16, and no piece is empty", async () => {
      const { events } = await chat(ask(`${prompt} 😀 ü 漢字 👩‍👩‍👧`, { max_tokens: 40, temperature: 1.5 }));
      for (const event of events) {
        if (event.type !== "text") continue;
        expect(event.text.isWellFormed()).toBe(true);
        expect(event.text).not.toBe("");
      }
    });

    test.if(goes_on)("an answer that was begun goes on, and says only what follows", async () => {
      const { events, text } = await chat(ask(prompt));
      const pieces = events.flatMap((event) => (event.type === "text" ? event.text : []));
      const begun = pieces.slice(0, pieces.length / 2).join("");
      const messages = [
        { role: "user" as const, content: prompt },
        { role: "assistant" as const, content: begun },
      ];
      const rest = await chat(ask(messages, { max_tokens: 4 }));
      expect(rest.text).not.toBe("");
      expect(text.slice(begun.length)).toStartWith(rest.text);
      const anew = await chat(ask(messages, { max_tokens: 4, continue_final_message: false }));
      expect(anew.usage.prompt_tokens).toBeGreaterThan(rest.usage.prompt_tokens);
    });

    test("as many generations as slots run at once, each with its own answer", async () => {
      const alone = await chat(ask(prompt));
      const all = await Promise.all(Array.from({ length: SLOTS }, () => chat(ask(prompt))));
      for (const { usage, finish } of all) {
        expect(usage.prompt_tokens).toBe(prompt_tokens);
        expect(usage.completion_tokens).toBe(alone.usage.completion_tokens);
        expect(finish.reason).toBe(alone.finish.reason);
      }
    });

    test("an abort amid the answer throws its reason and frees the slot", async () => {
      const stop = new AbortController();
      const seen: ChatEvent[] = [];
      const reason = new Error("gone");
      const run = async (): Promise<void> => {
        for await (const event of engine.chat(ask(prompt, { max_tokens: 1e9, temperature: 1 }), stop.signal)) {
          seen.push(event);
          if (event.type === "text") stop.abort(reason);
        }
      };
      expect(await run().catch((error: unknown) => error)).toBe(reason);
      expect(seen.filter(({ type }) => type === "text").length).toBe(1);
      await allSlotsAnswer();
    });

    test("leaving amid the answer frees the slot", async () => {
      for (let i = 0; i < SLOTS + 1; i++) {
        for await (const event of engine.chat(ask(prompt, { max_tokens: 1e9, temperature: 1 }), new AbortController().signal)) {
          if (event.type === "text") break;
        }
      }
      await allSlotsAnswer();
    });

    test("an abort before the start throws at once", async () => {
      const reason = new Error("gone");
      expect(await chat(ask(prompt), AbortSignal.abort(reason)).catch((error: unknown) => error)).toBe(reason);
    });

    test.if(long_prompt !== undefined)("an abort amid the prompt throws within a batch and frees the slot", async () => {
      const stop = new AbortController();
      const seen: ChatEvent[] = [];
      const run = async (): Promise<void> => {
        for await (const event of engine.chat(ask(long_prompt!, { max_tokens: 2 }), stop.signal)) {
          seen.push(event);
          stop.abort(new Error("gone"));
        }
      };
      const error = (await run().catch((error: unknown) => error)) as Error;
      expect(error.message).toBe("gone");
      expect(seen.map(({ type }) => type)).toEqual(["prompt"]);
      await allSlotsAnswer();
    });

    test("a prompt longer than the context is refused with both counts", async () => {
      const words = "a ".repeat(context * 4);
      const error = (await chat(ask(words)).catch((error: unknown) => error)) as AdapterError;
      expect(error).toBeInstanceOf(AdapterError);
      expect(error.code).toBe("context_length_exceeded");
      expect(error.message).toMatch(new RegExp(`\\b\\d+ tokens\\b.* maximum context length is ${context} tokens\\b`));
      expect(error.context).toEqual({ n_prompt_tokens: expect.any(Number), n_ctx: context });
      await allSlotsAnswer();
    });

    test.if(can("tools"))("a tool that must be called is called, with arguments of its schema", async () => {
      const request = { tools: TOOLS, parallel_tool_calls: false, max_tokens: 300, ...calls_tools };
      for (const tool_choice of ["required", { name: "get_time" }] as const) {
        const { calls, finish } = await chat(ask(prompt, { ...request, tool_choice }));
        const [{ id, name, arguments: text } = { id: "", name: "", arguments: "" }] = calls;
        expect([finish.reason, calls.length]).toEqual(["tool_calls", 1]);
        expect(id).not.toBe("");
        if (typeof tool_choice === "object") expect(name).toBe(tool_choice.name);
        else expect(TOOLS.map((tool) => tool.function.name)).toContain(name);
        expect(CITIES).toContain(JSON.parse(text).city);
      }
    });

    test.if(can("tools") && calls_tools !== undefined)(
      "a tool's answer is read, and tools that are not to be called are not",
      async () => {
        const call = { id: "call1", type: "function" as const, function: { name: "get_time", arguments: '{"city":"Rome"}' } };
        const messages = [
          { role: "user" as const, content: "The time in Rome?" },
          { role: "assistant" as const, content: "", tool_calls: [call] },
          { role: "tool" as const, tool_call_id: "call1", content: "12:00" },
        ];
        const { usage } = await chat(ask(messages, { tools: TOOLS, max_tokens: 1 }));
        const without = await chat(ask(messages, { tools: TOOLS, tool_choice: "none", max_tokens: 4 }));
        expect(without.calls).toEqual([]);
        expect(without.usage.prompt_tokens).toBeLessThan(usage.prompt_tokens);
      },
    );

    test.if(can("tools"))("tools that cannot be honoured are refused, and the field is named", async () => {
      const parameters = { type: "object", properties: { city: { type: "nonsense" } } };
      const tools = [{ type: "function" as const, function: { name: "get_time", parameters, strict: true } }];
      await refused({ tools, tool_choice: "required" }, "tools[0].function.parameters", "nonsense", "unsupported_schema");
    });

    test.if(can("response_format"))(
      "an answer has the schema that was asked for, and a schema that is none is refused",
      async () => {
        const json_schema = { name: "city", schema: CITY };
        const response_format = { type: "json_schema" as const, json_schema };
        const { text } = await chat(ask(prompt, { response_format, max_tokens: 200 }));
        expect(CITIES).toContain(JSON.parse(text).city);
        const refusals: [schema: object, why: string][] = [
          [{ type: "nonsense" }, "nonsense"],
          [{ $ref: "#/$defs/none" }, "none"],
          [{ type: "string", pattern: "a(?<=b)" }, "pattern"],
        ];
        for (const [schema, why] of refusals) {
          const strict = { ...response_format, json_schema: { ...json_schema, schema, strict: true } };
          await refused({ response_format: strict }, "response_format.json_schema.schema", why, "unsupported_schema");
        }
      },
    );

    test.if(can("grammar"))("an answer follows its grammar, and a grammar that is none is refused", async () => {
      const { text, finish } = await chat(ask(prompt, { grammar: 'root ::= "yes, " ("fire" | "ice")' }));
      expect(text).toMatch(/^yes, (fire|ice)$/);
      expect(finish.reason).toBe("stop");
      for (const grammar of ['root ::= (("x"', 'other ::= "x"', "root ::= missing", 'root ::= root "x"', "%llguidance {}", " "]) {
        await refused({ grammar }, "grammar", "grammar");
      }
      await refused({ grammar: `root ::= "${"x".repeat(70_000)}"` }, "grammar", "65536");
      // It can be read, and the answer comes to its end.
      await refused({ grammar: 'root ::= "yes" [z-a] "x"' }, "grammar", "grammar");
      await allSlotsAnswer();
    });

    test.if(can("logprobs"))("every token comes with its probability and its rivals", async () => {
      const { events, text, usage } = await chat(ask(prompt, { logprobs: { top: 3 }, max_tokens: 5, stop: ["never said"] }));
      const tokens = events.flatMap((event) => (event.type === "text" ? (event.logprobs ?? []) : []));
      // Of a character that is cut there is no text, and its tokens come all the same.
      expect(tokens.map(({ token }) => token).join("")).toStartWith(text);
      // Of a character that is spread over several tokens, some engines tell one.
      expect(tokens.length).toBeGreaterThan(1);
      expect(tokens.length).toBeLessThanOrEqual(usage.completion_tokens);
      for (const { logprob, top_logprobs } of tokens) {
        expect(logprob).toBeLessThanOrEqual(0);
        expect(top_logprobs?.length).toBe(3);
        expect(top_logprobs?.[0]?.logprob).toBe(logprob); // It is greedy.
      }
      const { events: bare } = await chat(ask(prompt, { logprobs: { top: 0 }, max_tokens: 1 }));
      expect(bare.flatMap((event) => (event.type === "text" ? (event.logprobs ?? []) : []))).toMatchObject([
        { top_logprobs: [] },
      ]);
    });

    test.if(can("logit_bias"))("a bias makes a token sure, and one of no token is refused", async () => {
      const { text } = await chat(ask(prompt, { logit_bias: { "260": 100 }, max_tokens: 4 }));
      expect(text.length).toBeGreaterThanOrEqual(4);
      expect(text).toBe(text.slice(0, text.length / 4).repeat(4));
      await refused({ logit_bias: { "99999999": 1 } }, "logit_bias", "99999999");
    });

    test.if(can("samplers"))("a sampler's settings are honoured, and what is none is refused", async () => {
      const hot = { temperature: 5, max_tokens: 8 };
      const plain = await chat(ask(prompt, hot));
      const narrow = await chat(ask(prompt, { ...hot, samplers: { samplers: ["top_k", "temperature"] }, top_k: 1 }));
      const greedy = await chat(ask(prompt, { max_tokens: 8 }));
      expect(narrow.text).toBe(greedy.text);
      expect(plain.text).not.toBe(greedy.text);
      await refused({ samplers: { mirostat: 7 } }, "mirostat", "mirostat");
      await refused({ samplers: { nonsense: 1 } }, "nonsense", "nonsense");
      await refused({ samplers: { samplers: ["nonsense"] } }, "samplers", "samplers");
    });

    if (can("decisions")) decisionSuite(subject, () => engine);
    completionSuite({ ...subject, slots: SLOTS }, () => engine);
    embeddingSuite(subject, () => engine);

    test("close ends a running generation with an error, and leaves nothing behind", async () => {
      const other = await adapter.load(await subject.model(), { slots: 1, context, threads: 1 }, new AbortController().signal);
      const run = async (): Promise<void> => {
        for await (const event of other.chat(ask(prompt, { max_tokens: 1e9, temperature: 1 }), new AbortController().signal)) {
          if (event.type === "text") void other.close();
        }
      };
      const ended = run().catch((error: unknown) => error);
      expect(await other.closed).toBeUndefined();
      await other.close();
      expect(await ended).toBeInstanceOf(AdapterError);
      await subject.afterClose?.();
    });

    test("an aborted load throws the reason", async () => {
      const reason = new Error("not wanted");
      const loading = adapter.load(await subject.model(), { slots: 1, context, threads: 1 }, AbortSignal.abort(reason));
      expect(await loading.catch((error: unknown) => error)).toBe(reason);
    });

    async function refused(
      more: Partial<ChatRequest>,
      param: string,
      why: string,
      code: AdapterErrorCode = "request_refused",
    ): Promise<void> {
      const error = (await chat(ask(prompt, more)).catch((error: unknown) => error)) as AdapterError;
      expect([error.code, error.param, error.message]).toEqual([code, param, expect.stringContaining(why)]);
    }

    async function allSlotsAnswer(): Promise<void> {
      const answers = await Promise.all(Array.from({ length: SLOTS }, () => chat(ask(prompt, { max_tokens: 2 }))));
      expect(answers.map(({ usage }) => usage.completion_tokens)).toEqual(Array.from({ length: SLOTS }, () => 2));
    }
  });
}
