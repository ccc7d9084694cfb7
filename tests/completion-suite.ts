// What every adapter must do that completes prompts and takes them apart: a part of adapter-suite.ts.
import { describe, expect, test } from "bun:test";
import type { AdapterError, Capability, CompletionEvent, ChatRequest, Engine } from "../adapters/adapter.ts";
import type { CompletionRequest } from "../adapters/completion.ts";
import type { Subject } from "./adapter-suite.ts";
import { collect, collectCompletion } from "./support/collect.ts";
import { ask, askCompletion, WHOLE_TEXT } from "./support/models.ts";

const PART = { add_special: false, parse_special: true };

export function completionSuite(subject: Subject & { slots: number }, engine: () => Engine): void {
  const {
    prompt,
    prompt_tokens,
    context,
    samples,
    slots,
    capabilities = [],
    stops_by_bytes = false,
    caches = false,
    only_counts = false,
  } = subject;
  const can = (capability: Capability): boolean => capabilities.includes(capability);
  const signal = (): AbortSignal => new AbortController().signal;
  const complete = (request: CompletionRequest, stop = signal()) => collectCompletion(engine().complete!(request, stop));
  const tokensOf = (text: string): Promise<number[]> => engine().tokenize!(text, WHOLE_TEXT, signal());
  const errorOf = async (work: Promise<unknown>): Promise<AdapterError> =>
    (await work.catch((error: unknown) => error)) as AdapterError;

  describe("completions", () => {
    test("a text goes on as it is, and so do its tokens", async () => {
      const tokens = await tokensOf(prompt);
      const [of_text, of_tokens] = [await complete(askCompletion(prompt)), await complete(askCompletion(tokens))];
      expect(of_text.text).not.toBe("");
      expect(of_tokens.text).toBe(of_text.text);
      expect([of_text.usage.prompt_tokens, of_tokens.usage.prompt_tokens]).toEqual([tokens.length, tokens.length]);
      expect(of_text.events.map(({ type }) => type).join(" ")).toMatch(/^(prompt )*(text )+finish$/);
    });

    test("the text of a chat's prompt goes on as the chat does", async () => {
      const chat = await collect(engine().chat(ask(prompt), signal()));
      const { text, usage } = await complete(askCompletion(await engine().render!(ask(prompt), signal())));
      expect([text, usage.prompt_tokens]).toEqual([chat.text, prompt_tokens]);
    });

    test("max_tokens bounds it, down to none", async () => {
      const { usage, finish } = await complete(askCompletion(prompt, { max_tokens: 3 }));
      expect([usage.completion_tokens, finish.reason]).toEqual([3, "length"]);
      if (caches) return; // llama-server has one token at least, and another ingle none.
      const none = await complete(askCompletion(prompt, { max_tokens: 0 }));
      expect([none.text, none.usage.completion_tokens, none.usage.prompt_tokens]).toEqual(["", 0, usage.prompt_tokens]);
    });

    test("a stop sequence ends it", async () => {
      const { text } = await complete(askCompletion(prompt));
      const stop = text.slice(2, 4);
      if (stops_by_bytes && stop.includes("\ufffd")) return;
      const stopped = await complete(askCompletion(prompt, { stop: [stop] }));
      expect([stopped.text, stopped.finish.reason]).toEqual([text.slice(0, text.indexOf(stop)), "stop"]);
    });

    test.if(samples)("a seed makes sampling repeatable", async () => {
      const hot = { temperature: 2, max_tokens: 12, seed: 7 };
      const [one, again] = [await complete(askCompletion(prompt, hot)), await complete(askCompletion(prompt, hot))];
      expect(again.text).toBe(one.text);
    });

    test("as many as slots run at once", async () => {
      const alone = await complete(askCompletion(prompt));
      const all = await Promise.all(Array.from({ length: slots }, () => complete(askCompletion(prompt))));
      for (const { usage } of all) expect(usage.completion_tokens).toBe(alone.usage.completion_tokens);
    });

    test("an abort amid the text throws its reason and frees the slot", async () => {
      const reason = new Error("gone");
      for (let i = 0; i < slots + 1; i++) {
        const stop = new AbortController();
        const seen: CompletionEvent[] = [];
        const run = async (): Promise<void> => {
          for await (const event of engine().complete!(askCompletion(prompt, { max_tokens: 1e9, temperature: 1 }), stop.signal)) {
            seen.push(event);
            if (event.type === "text") stop.abort(reason);
          }
        };
        expect(await run().catch((error: unknown) => error)).toBe(reason);
        expect(seen.filter(({ type }) => type === "text").length).toBe(1);
      }
      expect((await complete(askCompletion(prompt, { max_tokens: 2 }))).usage.completion_tokens).toBe(2);
    });

    test("a prompt longer than the context is refused with both counts", async () => {
      const error = await errorOf(complete(askCompletion("a ".repeat(context * 4))));
      expect([error.code, error.context]).toEqual([
        "context_length_exceeded",
        { n_prompt_tokens: expect.any(Number), n_ctx: context },
      ]);
    });

    test("a token that the model has not is refused with its place", async () => {
      const [first] = await tokensOf(prompt);
      const error = await errorOf(complete(askCompletion([first!, 99_999_999])));
      // Other servers name no place.
      const param = caches ? error.param : "prompt[1]";
      expect([error.code, error.param]).toEqual(["request_refused", param]);
    });

    test.if(can("choices"))("several answers have one prompt", async () => {
      const choices = { count: 3, at_once: 2 };
      const more = { max_tokens: 4, temperature: 1, samplers: { ignore_eos: true } };
      const { events, finish, usage } = await complete(askCompletion(prompt, { choices, ...more }));
      const who = new Set(events.flatMap((event) => (event.type === "text" ? [event.choice] : [])));
      expect([[...who].toSorted(), finish.further?.length]).toEqual([[0, 1, 2], 2]);
      expect([usage.prompt_tokens, usage.completion_tokens]).toEqual([(await tokensOf(prompt)).length, 12]);
    });

    test.if(can("grammar"))("it follows its grammar, and a grammar that is none is refused", async () => {
      const { text, finish } = await complete(askCompletion(prompt, { grammar: 'root ::= "yes, " ("fire" | "ice")' }));
      expect([text, finish.reason]).toEqual([expect.stringMatching(/^yes, (fire|ice)$/), "stop"]);
      const error = await errorOf(complete(askCompletion(prompt, { grammar: 'root ::= (("x"' })));
      expect([error.code, error.param]).toEqual(["request_refused", "grammar"]);
    });

    test.if(can("response_format"))("it has the schema that was asked for", async () => {
      const schema = {
        type: "object",
        properties: { city: { enum: ["Rome"] } },
        required: ["city"],
        additionalProperties: false,
      };
      const response_format = { type: "json_schema" as const, json_schema: { name: "city", schema } };
      const { text } = await complete(askCompletion(prompt, { response_format, max_tokens: 200 }));
      expect(JSON.parse(text)).toEqual({ city: "Rome" });
    });

    test.if(can("prompt_logprobs"))("a prompt is scored as its tokens are when they are generated", async () => {
      const said = await complete(askCompletion(prompt, { logprobs: { top: 2 }, max_tokens: 6, samplers: { ignore_eos: true } }));
      const generated = said.events.flatMap((event) => (event.type === "text" ? (event.logprobs ?? []) : []));
      const tokens = [...(await tokensOf(prompt)), ...(await engine().tokenize!(said.text, PART, signal()))];
      const { scored, text, usage } = await complete(askCompletion(tokens, { score_prompt: { top: 2 }, max_tokens: 0 }));
      expect([scored.length, text, usage]).toEqual([
        tokens.length,
        "",
        { prompt_tokens: tokens.length, completion_tokens: 0, cached_tokens: 0 },
      ]);
      expect(scored[0]).toMatchObject({ logprob: null, top_logprobs: [] });
      for (const { logprob, top_logprobs } of scored.slice(1)) {
        expect(logprob).toBeLessThanOrEqual(0);
        expect(top_logprobs?.length).toBe(2);
        expect(top_logprobs![0]!.logprob).toBeGreaterThanOrEqual(logprob!);
      }
      // The answer may have other tokens when it is read.
      const [last, again] = [generated[0]!, scored[(await tokensOf(prompt)).length]!];
      if (last.token === again.token)
        expect(Math.abs(last.logprob - again.logprob!)).toBeLessThan(samples && prompt_tokens < 20 ? 0.05 : 0.75);
    });

    test.if(can("prompt_logprobs"))("a prompt is scored before its answers, of which each has its own", async () => {
      const request = { score_prompt: { top: 0 }, max_tokens: 3, temperature: 1, samplers: { ignore_eos: true } };
      const one = await complete(askCompletion(prompt, request));
      expect(
        one.scored
          .map(({ token }) => token)
          .join("")
          .trim(),
      ).toEndWith(prompt.trim());
      expect([one.usage.completion_tokens, one.scored.length]).toEqual([3, one.usage.prompt_tokens]);
      const both = await complete(askCompletion(prompt, { ...request, choices: { count: 2, at_once: 2 } }));
      expect([both.usage.completion_tokens, both.scored.length]).toEqual([6, one.scored.length]);
      const bound = await complete(askCompletion(prompt, { ...request, grammar: 'root ::= "yes"' }));
      expect([bound.text, bound.scored.length]).toEqual(["yes", one.scored.length]);
    });

    test.if(can("logprobs"))("every token comes with its probability and its rivals", async () => {
      const { events, usage } = await complete(askCompletion(prompt, { logprobs: { top: 2 }, max_tokens: 5 }));
      const tokens = events.flatMap((event) => (event.type === "text" ? (event.logprobs ?? []) : []));
      expect(tokens.length).toBeGreaterThan(1);
      expect(tokens.length).toBeLessThanOrEqual(usage.completion_tokens);
      for (const { logprob, top_logprobs } of tokens) {
        expect(logprob).toBeLessThanOrEqual(0);
        expect(top_logprobs?.length).toBe(2);
      }
    });
  });

  describe("prompts", () => {
    test("tokens make their text again", async () => {
      for (const text of [prompt, "a 😀 ü 漢字", "  two  spaces\n\n and lines "]) {
        const tokens = await engine().tokenize!(text, PART, signal());
        expect(tokens.length).toBeGreaterThan(0);
        const again = await engine().detokenize!(tokens, signal());
        // llama-server keeps the space that a vocabulary puts before a text.
        expect(caches && again.startsWith(` ${text}`) ? again.slice(1) : again).toBe(text);
      }
      expect(await engine().detokenize!([], signal())).toBe("");
    });

    test("a token that the model has not is refused with its place", async () => {
      const [first] = await tokensOf(prompt);
      const error = await errorOf(engine().detokenize!([first!, first!, 99_999_999], signal()));
      const param = caches ? error.param : "tokens[2]";
      expect([error.code, error.param]).toEqual(["request_refused", param]);
    });

    test.skipIf(only_counts)("the bytes of tokens are those of their text", async () => {
      const text = "a 😀 ü 漢字";
      const tokens = await engine().tokenize!(text, PART, signal());
      const bytes = await engine().tokenBytes!(tokens, signal());
      expect(bytes.length).toBe(tokens.length);
      expect(Buffer.from(bytes.flat()).toString().trimStart()).toBe(text);
    });

    test.skipIf(only_counts)("the tokens of a chat are those that are counted", async () => {
      expect((await engine().tokenizeChat!(ask(prompt), signal())).length).toBe(prompt_tokens);
    });

    test("a chat has as many tokens as are counted", async () => {
      expect(await engine().count!(ask(prompt), signal())).toBe(prompt_tokens);
      expect(await engine().count!(ask("a ".repeat(context)), signal())).toBeGreaterThanOrEqual(context);
    });

    test.if(can("tools"))("tools count", async () => {
      const tools: ChatRequest["tools"] = [{ type: "function", function: { name: "get_time", description: "Of a city." } }];
      const request = ask(prompt, { tools, max_tokens: 1 });
      const { usage } = await collect(engine().chat(request, signal()));
      expect(await engine().count!(request, signal())).toBe(usage.prompt_tokens);
      expect(await engine().render!(request, signal())).toContain("get_time");
    });

    test("the text of a chat's prompt has its message", async () => {
      expect(await engine().render!(ask(prompt), signal())).toContain(prompt);
    });

    test("an abort throws its reason", async () => {
      const reason = new Error("gone");
      const gone = AbortSignal.abort(reason);
      const { tokenize, detokenize, count, render } = engine();
      const calls = [tokenize!(prompt, PART, gone), detokenize!([], gone), count!(ask(prompt), gone), render!(ask(prompt), gone)];
      for (const call of calls) expect<unknown>(await errorOf(call)).toBe(reason);
    });
  });
}
