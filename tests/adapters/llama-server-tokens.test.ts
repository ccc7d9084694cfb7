// What a llama-server does as an engine that knows tokens alone, beside what every chat shows: with the real one and a tiny model.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { AdapterError } from "../../adapters/adapter.ts";
import { llamaServer } from "../../adapters/llama-server/adapter.ts";
import type { TokenEngine, TokenEvent, TokenRequest } from "../../adapters/token-engine.ts";
import { realServer } from "../support/llama-server-binary.ts";
import { WHOLE_TEXT, askTokens, tinyModel } from "../support/models.ts";
import { fixedPrompts } from "../support/rendered-prompts.ts";
import { becomesIdle } from "../support/work.ts";
import { childrenOf } from "../support/processes.ts";

const { path, skip } = await realServer();
const adapter = llamaServer({ binary: () => path!, env: process.env, prompts: fixedPrompts().prompts });
const signal = (): AbortSignal => AbortSignal.timeout(50_000);

/** Bytes are tokens behind the three special ones. */
const byte = (character: string): number => 3 + character.charCodeAt(0);
const PROMPT = [1, ...Array.from("One of these is the longest. ".repeat(10), byte)];

describe.skipIf(skip !== undefined)(`the tokens of llama-server${skip === undefined ? "" : ` (skipped: ${skip})`}`, () => {
  let engine: TokenEngine;
  let pid: number;
  beforeAll(async () => {
    const before = childrenOf(process.pid);
    engine = await adapter.load(await tinyModel({ context_length: 1024 }), { slots: 4, context: 1024, threads: 1 }, signal());
    pid = childrenOf(process.pid).find((child) => !before.includes(child))!;
  });
  afterAll(() => engine.close());

  const eventsOf = (more: Partial<TokenRequest>, prompt: readonly number[] = PROMPT): Promise<TokenEvent[]> =>
    Array.fromAsync(engine.generate(askTokens(prompt, { repeatable: false, ...more }), signal()));
  const answers = (events: TokenEvent[]) => {
    const of = (choice: number | undefined) => events.filter((event) => event.choice === choice);
    return [...new Set(events.map(({ choice }) => choice))].sort().map((choice) => {
      const text = of(choice).map((event) => (event.type === "text" ? event.text : ""));
      const [finish, ...others] = of(choice).flatMap((event) => (event.type === "finish" ? [event] : []));
      expect(others).toEqual([]);
      return { choice, text: text.join(""), ...finish! };
    });
  };
  const [hot, words] = [{ temperature: 2, max_tokens: 6, samplers: { ignore_eos: true } }, { max_tokens: 12 }];
  const behind = async (text: string): Promise<number[]> => [
    ...PROMPT,
    ...(await engine.tokenize!([text], WHOLE_TEXT, signal())).slice(1),
  ];

  test("are those of pieces, with one start token", async () => {
    expect(await engine.tokenize!(["<s>a", "b"], WHOLE_TEXT, signal())).toEqual([
      1,
      ...(await engine.tokenize!(["a", "b"], WHOLE_TEXT, signal())).slice(1),
    ]);
  });

  test("are counted, and the slot is told, where that is asked for", async () => {
    const events = await eventsOf({ ...words, grammar: 'root ::= "a" "🦊" "b"', report_tokens: true });
    const counts = events.flatMap((event) => (event.type === "text" ? [[event.text, event.count]] : []));
    expect(counts).toEqual([
      ["a", 1],
      ["🦊", 5],
      ["b", 6],
    ]);
    expect(answers(events)).toMatchObject([{ reason: "stop", slot: expect.any(Number), usage: { completion_tokens: 7 } }]);
  });

  test("show the names of special tokens that are asked for, and no others", async () => {
    const said = async (shown_tokens?: string[]) =>
      answers(await eventsOf({ ...words, grammar: 'root ::= "a" <[1]> "b"', ...(shown_tokens && { shown_tokens }) }))[0]!.text;
    expect(await said(["<s>"])).toBe("a<s>b");
    expect(await said()).toBe("ab");
  });

  test("end at a stop string, which is named, and not at one within thoughts", async () => {
    const grammar = 'root ::= "<t>one stop</t>two stop three"';
    const stop = ["stop", "p thr"];
    const thoughts = { begin: "<t>", end: "</t>", close: "", skip: "", opened: false };
    const [plain] = answers(await eventsOf({ max_tokens: 60, grammar, stop }));
    expect(plain).toMatchObject({ text: "<t>one ", reason: "stop", stopped_by: "stop" });
    const [thinking] = answers(await eventsOf({ max_tokens: 60, grammar, stop, thoughts }));
    expect(thinking).toMatchObject({ text: "<t>one stop</t>two ", reason: "stop", stopped_by: "stop" });
  });

  test("go on in their slot where a generation goes on, also where it is repeatable", async () => {
    const [first] = answers(await eventsOf({ ...words, repeatable: true }));
    expect(first!.usage.cached_tokens).toBe(0);
    const prompt = await behind(first!.text);
    const [again] = answers(await eventsOf({ ...words, repeatable: true, continues: first!.slot }, prompt));
    expect([again!.slot, again!.usage.cached_tokens >= PROMPT.length - 1]).toEqual([first!.slot, true]);
    expect(answers(await eventsOf({ ...words, repeatable: true }, prompt))[0]!.usage.cached_tokens).toBe(0);
  });

  test("of a grammar of ours may be long", async () => {
    const rules = Array.from({ length: 5_000 }, (_, i) => `r${i} ::= "${"x".repeat(100)}${i}"`);
    const grammar = `root ::= "yes" | r0 r1 r2\n${rules.join("\n")}`;
    expect(grammar.length).toBeGreaterThan(500_000);
    expect(answers(await eventsOf({ max_tokens: 8, grammar: grammar.replace('"yes" |', '"yes"\nother ::=') }))[0]!.text).toBe(
      "yes",
    );
  });

  test("come to an end that is no stop where a grammar leaves nothing", async () => {
    for (const [grammar, choices] of [
      ['root ::= "a" [z-a]', undefined],
      ["root ::= [z-a]", undefined],
      ['root ::= "a" [z-a]', 2],
    ] as const) {
      const error: AdapterError = await eventsOf({ ...words, grammar, ...(choices && { choices }) }).then(
        () => expect.unreachable(),
        (thrown) => thrown,
      );
      expect([error.code as string, error.message]).toEqual([
        "generation_failed",
        expect.stringContaining("leaves no text to go on with"),
      ]);
    }
    await becomesIdle(pid);
    expect(answers(await eventsOf(words))[0]!.text).not.toBe("");
  });

  test("go on under `ignore_eos` as long as their grammar allows, and end where it leaves nothing else", async () => {
    const endless = { samplers: { ignore_eos: true }, max_tokens: 8, cache_scope: "endless" };
    await eventsOf({ ...endless, max_tokens: 1 });
    for (const more of [{}, { temperature: 2, min_p: 0.9 }, { top_k: 1, logit_bias: { 2: 100 } }, { choices: 2 }]) {
      const under = async (grammar: string) =>
        answers(await eventsOf({ ...endless, ...more, grammar })).map(({ text, reason, usage }) => {
          expect(usage.cached_tokens).toBeGreaterThanOrEqual(PROMPT.length - 1);
          return [text, reason];
        });
      for (const answer of await under('root ::= "ab"')) expect(answer).toEqual(["ab", "stop"]);
      for (const answer of await under('root ::= "ab" | "abcd"')) expect(answer).toEqual(["abcd", "stop"]);
      for (const answer of await under("root ::= [ab]*")) expect(answer).toEqual([expect.stringMatching(/^[ab]{8}$/), "length"]);
    }
    expect(eventsOf({ ...endless, grammar: 'root ::= "a" [z-a]' })).rejects.toMatchObject({ code: "generation_failed" });
  });

  test("of a grammar that cannot be read are refused by its name", async () => {
    expect(eventsOf({ grammar: "root ::= (" })).rejects.toMatchObject({ code: "request_refused", param: "grammar" });
  });

  describe("of several answers", () => {
    test("are those of as many requests with a seed each, behind a prompt that is read once", async () => {
      const cache_scope = "several";
      const several = answers(await eventsOf({ ...hot, seed: 7, choices: 3, cache_scope }));
      expect(several.map(({ choice }) => choice)).toEqual([0, 1, 2]);
      expect(new Set(several.map(({ slot }) => slot)).size).toBe(3);
      const alone = [];
      for (const seed of [7, 8, 9]) alone.push(answers(await eventsOf({ ...hot, seed, repeatable: true }))[0]!.text);
      expect(several.map(({ text }) => text)).toEqual(alone);
      for (const { usage } of several) {
        expect(usage).toEqual({ prompt_tokens: PROMPT.length, completion_tokens: 6, cached_tokens: 0 });
      }
    });

    test("show the reading of the prompt once", async () => {
      const events = await eventsOf({ ...hot, choices: 3, cache_prompt: false });
      const read = events.flatMap((event) => (event.type === "prompt" ? [[event.choice, event.read]] : []));
      expect(read.at(-1)).toEqual([0, PROMPT.length]);
      expect(read.every(([choice]) => choice === 0)).toBe(true);
    });

    test("leave the slot of the first to what goes on behind it; llama-server clears those of the others", async () => {
      const cache_scope = "goes on";
      const several = answers(await eventsOf({ ...hot, seed: 3, choices: 2, cache_scope }));
      const [first, second] = [several[0]!, several[1]!];
      const cachedBehind = async ({ text, slot }: typeof first): Promise<number> =>
        answers(await eventsOf({ ...words, continues: slot, cache_scope }, await behind(`${text}!`)))[0]!.usage.cached_tokens;
      expect(await cachedBehind(first)).toBeGreaterThanOrEqual(PROMPT.length - 1);
      expect((await cachedBehind(second)) % PROMPT.length).toBeLessThan(5);
    });

    test("are not told to another API key, and leave what others hold where there are slots enough", async () => {
      const other = "Another one of these is longer. ".repeat(10);
      const prompt = [1, ...Array.from(other, byte)];
      const keyed = async (cache_scope: string, of: readonly number[], more: Partial<TokenRequest> = {}) =>
        answers(await eventsOf({ ...hot, cache_scope, ...more }, of))[0]!.usage.cached_tokens;
      await keyed("mine", prompt);
      await keyed("mine", prompt);
      expect(await keyed("yours", PROMPT, { choices: 3 })).toBe(0);
      // The token with which every prompt begins.
      expect(await keyed("mine", PROMPT)).toBeLessThan(2);
      expect(await keyed("yours", PROMPT)).toBeGreaterThan(200);
    });

    test("end with a stop string each, and with a client that leaves", async () => {
      const grammar = 'root ::= "one" "two" [a-z]+';
      const stopped = answers(await eventsOf({ max_tokens: 500, grammar, stop: ["two"], choices: 2 }));
      expect(stopped.map(({ text, stopped_by }) => [text, stopped_by])).toEqual([
        ["one", "two"],
        ["one", "two"],
      ]);
      const left = engine.generate(askTokens(PROMPT, { max_tokens: 700, temperature: 2, choices: 4 }), signal());
      for await (const event of left) if (event.type === "text") break;
      const all = await Promise.all(Array.from({ length: 4 }, () => eventsOf({ max_tokens: 2 })));
      expect(all.map((events) => answers(events)[0]!.usage.completion_tokens)).toEqual([2, 2, 2, 2]);
    });

    test("run beside others, whose answers are their own", async () => {
      const alone = answers(await eventsOf({ ...words, repeatable: true }))[0]!.text;
      const [one, several, two] = await Promise.all([
        eventsOf({ ...words, repeatable: true }),
        eventsOf({ ...words, repeatable: true, choices: 2 }),
        eventsOf({ ...words, repeatable: true }),
      ]);
      expect([one, two].map((events) => answers(events)[0]!.text.slice(0, 4))).toEqual([alone.slice(0, 4), alone.slice(0, 4)]);
      expect(answers(several).map(({ text }) => text.slice(0, 4))).toEqual([alone.slice(0, 4), alone.slice(0, 4)]);
    });
  });
});
