// The process that renders the prompts of all models: what prompts are, and what becomes of templates and grammars that are traps.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { AdapterError, ChatMessage } from "../../adapters/adapter.ts";
import type { NativeAddon } from "../../adapters/prompt-process/native.ts";
import { PLAIN_FORMS } from "../../adapters/prompt-process/sample-template.ts";
import type { ModelPrompts, PromptRequest, Prompts } from "../../adapters/prompts.ts";
import type { InstalledModel } from "../../models/manifest.ts";
import { nativeAddon } from "../../src/executable/carried-engines.ts";
import { startBareServer } from "../support/bare-server.ts";
import { realServer } from "../support/llama-server-binary.ts";
import { PLAIN_TEMPLATE, tinyModel } from "../support/models.ts";
import { childrenOf, named } from "../support/processes.ts";
import { promptHost, startPrompts } from "../support/prompts.ts";
import { eventually } from "../support/server.ts";
import { addTurnToken, repeatToken, type TinyGguf } from "../support/tiny-gguf.ts";

const { signal } = new AbortController();
let prompts: Prompts;
let addon: NativeAddon;

beforeAll(async () => {
  prompts = startPrompts();
  addon = (await nativeAddon(process.env))!;
});
afterAll(() => prompts.close());

const open = async (
  template: string | undefined,
  options: TinyGguf = {},
): Promise<ModelPrompts & { installed: InstalledModel }> => {
  const installed = await tinyModel({ template, ...options });
  return { ...(await prompts.open(installed, signal)), installed };
};
const user = (content: string): ChatMessage => ({ role: "user", content });

/** In a context of 512. */
async function tokensOf({ render }: ModelPrompts, ...messages: ChatMessage[]): Promise<number[]> {
  const prompt = await render({ messages }, 512, signal);
  if ("tokens" in prompt) return prompt.tokens;
  throw new Error("There is no vocabulary.");
}

async function textOf(model: ModelPrompts & { installed: InstalledModel }, ...messages: ChatMessage[]): Promise<string> {
  return detokenize(model.installed, await tokensOf(model, ...messages));
}

async function detokenize({ path }: InstalledModel, tokens: number[]): Promise<string> {
  const vocabulary = new addon.AddonModel(path, { addonExports: addon, vocabOnly: true });
  await vocabulary.init();
  const text = vocabulary.detokenize(Uint32Array.from(tokens), true);
  await vocabulary.dispose();
  return text;
}

const TURNS = "{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m.content | trim }}</s>{% endfor %}[assistant]";
const EOS = 2;
const BOS = 1;

describe("a prompt", () => {
  test("is what the template makes of the messages, its special tokens included", async () => {
    const model = await open(TURNS);
    const tokens = await tokensOf(model, { role: "system", content: "be kind" }, user("hello"));
    expect(await detokenize(model.installed, tokens)).toContain("[user]hello");
    expect(tokens.filter((token) => token === EOS).length).toBe(2);
    expect(tokens.filter((token) => token === BOS).length).toBe(1);
  });

  test("holds a message's special tokens as text", async () => {
    const model = await open(TURNS);
    const tokens = await tokensOf(model, user("a </s> b <s> c </s>"));
    expect(tokens.filter((token) => token === EOS).length).toBe(1);
    expect(tokens.filter((token) => token === BOS).length).toBe(1);
    expect((await detokenize(model.installed, tokens)).replaceAll(" ", "")).toContain("a</s>b<s>c</s></s>");
  });

  test("holds as text what steers a model with the type of plain text", async () => {
    const model = await open(`{{ "<|turn|>" }}${TURNS}`, { mutate: addTurnToken });
    const turn = (await tokensOf(model, user("a")))[1]!;
    expect(await detokenize(model.installed, [turn])).toBe("<|turn|>");
    expect((await tokensOf(model, user("a <|turn|> b"))).filter((token) => token === turn).length).toBe(1);
  });

  test("gets the request's values for the template, whose special tokens stay text", async () => {
    const model = await open(
      `${TURNS}{% if enable_thinking %}think{% endif %}{{ style }}{% for name in names %}{{ name }}{% endfor %}`,
    );
    const render = async (chat_template_kwargs?: Record<string, unknown>) => {
      const prompt = await model.render(
        { messages: [user("a")], ...(chat_template_kwargs && { chat_template_kwargs }) },
        512,
        signal,
      );
      const { tokens } = prompt as { tokens: number[] };
      return { text: await detokenize(model.installed, tokens), ends: tokens.filter((token) => token === EOS).length };
    };
    expect((await render()).text).toEndWith("[assistant]think");
    expect((await render({ enable_thinking: false })).text).toEndWith("[assistant]");
    const { text, ends } = await render({ enable_thinking: false, style: "x</s>", names: ["y", "</s>z"] });
    expect([text.replaceAll(" ", ""), ends]).toEqual([expect.stringMatching(/x<\/s>y<\/s>z$/), 1]);
    // The request's own values are not replaced.
    expect((await render({ messages: [], bos_token: "B", enable_thinking: false })).text).toContain("[user]a");
  });

  test("goes on with texts as the whole would be read, where a token has parts of both", async () => {
    // The vocabulary has a token for a space and "a", and one for a space and "the".
    for (const turns of [`${TURNS} `, "{% for m in messages %}{{ m.content }}{% endfor %}Answer: ", PLAIN_TEMPLATE]) {
      const model = await open(turns);
      const prompt = (await model.render({ messages: [user("hello </s> world")] }, 512, signal)) as {
        tokens: number[];
        tail: string;
      };
      const texts = ["a", "the end", "\nx", "é", ""];
      const behind = (await model.tokenizeBehind(prompt, texts, signal))!;
      const read = behind.texts.map((text) => [...prompt.tokens.slice(0, prompt.tokens.length - behind.replaced), ...text]);
      for (const [i, text] of texts.entries()) {
        expect(read[i]).toEqual(await tokensOf(await open(`${turns}{{ ${JSON.stringify(text)} }}`), user("hello </s> world")));
      }
      const alone = await model.tokenize("a", signal);
      if (turns !== PLAIN_TEMPLATE) expect(read[0]).not.toEqual([...prompt.tokens, ...alone!]);
    }
  });

  test("keeps characters that could be taken for our own marks", async () => {
    const model = await open(TURNS);
    expect(await textOf(model, user("x\uFDD0y\uFDD0\uFDD0z </s>"))).toContain("x\uFDD0y\uFDD0\uFDD0z");
  });

  test("of a plain prompt_template has Jan's substitution, and no program in it runs", async () => {
    const installed = {
      ...(await tinyModel({ template: TURNS })),
      settings: { prompt_template: "SYS {system_message} USER {prompt} BOT {{ 7 * 7 }}" },
    };
    const model = { ...(await prompts.open(installed, signal)), installed };
    const made = await textOf(
      model,
      { role: "system", content: "be kind" },
      user("one {prompt}"),
      { role: "assistant", content: "two" },
      user("three"),
    );
    expect(made.replace(/^<s>/, "").trim()).toBe("SYS be kind USER one {prompt} BOT {{ 7 * 7 }}two USER three BOT {{ 7 * 7 }}");
  });

  test("the date is there for templates that ask for it", async () => {
    expect(await textOf(await open("{{ strftime_now('%Y') }}"), user(""))).toContain(String(new Date().getFullYear()));
  });

  test("templates cannot reach the program that runs them", async () => {
    for (const template of [
      "{{ messages.constructor.constructor('return 7')() }}",
      "{{ ''.__class__.__mro__ }}",
      "{{ range.constructor('return process')() }}",
    ]) {
      const made = await textOf(await open(template), user("x")).catch((error: unknown) => error);
      if (typeof made === "string") expect(made.replace(/<s>|\s/g, "")).toBe("");
      else expect(made).toMatchObject({ code: "template_failed" });
    }
  });
});

/** Of each kind that llama.cpp's chat route treats in a way of its own. */
const TEMPLATES = {
  plain: "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}",
  "with a start token": TURNS,
  "without the role system":
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}" +
    "<{{ m.role }}>{{ m.content | trim }}</s>{% endfor %}<model>",
  "that passes over the role system":
    "{% for m in messages %}{% if m.role != 'system' %}[{{ m.content }}]{% endif %}{% endfor %}",
  "with contents in parts":
    "{% for m in messages %}{{ m.role }}:{% for part in m.content %}{{ part.text }}{% endfor %}\n{% endfor %}",
  "with a date": "{{ date_string }} {{ datetime }} {{ strftime_now('%Y-%m-%d') }}{{ messages[-1].content }}",
  "of llama.cpp, for a file without one": undefined,
};

const CHATS: ChatMessage[][] = [
  [user("Hello there")],
  [{ role: "system", content: "Be kind." }, user(" Hi \n"), { role: "assistant", content: "Yes." }, user("And now?")],
];

const { path: llama_server, skip } = await realServer();

describe.skipIf(skip !== undefined)(
  `the text of a prompt is that of llama-server${skip === undefined ? "" : `: ${skip}`}`,
  () => {
    for (const [name, template] of Object.entries(TEMPLATES))
      test(`template ${name}`, async () => {
        const installed = await tinyModel({ template });
        const model = { ...(await prompts.open(installed, signal)), installed };
        const server = await startBareServer(llama_server!, installed.path);
        try {
          for (const messages of CHATS) {
            const { prompt } = (await server.post("/apply-template", { messages })) as { prompt: string };
            const { tokens } = (await server.post("/tokenize", { content: prompt, add_special: true })) as { tokens: number[] };
            expect(await tokensOf(model, ...messages)).toEqual(tokens);
          }
        } finally {
          await server.kill();
        }
      });
  },
);

describe("what is known of a template", () => {
  const factsOf = async (template: string) => (await open(template)).template;

  test("is whether it shows calls of tools, takes the role system and writes thoughts", async () => {
    expect(await factsOf(PLAIN_TEMPLATE)).toEqual({ bounded: true, thinking: false, forms: PLAIN_FORMS });
    expect(await factsOf("{{ tools | tojson }}{{ messages[0].content }}")).toMatchObject({ forms: { calls: true } });
    expect(await factsOf(TEMPLATES["without the role system"])).toMatchObject({ forms: { system: "none" } });
    for (const sign of ["<think>", "message.reasoning_content", "<|channel|>", "[THINK]"])
      expect([sign, await factsOf(`${PLAIN_TEMPLATE}{{ "${sign}" }}`)]).toMatchObject([sign, { thinking: true }]);
  });

  test("of one that never ends is that, and its requests are refused", async () => {
    const model = await open(`{% for i in range(1000000000) %}{{ i }}{% endfor %}`);
    expect(model.template.bounded).toBe(false);
    expect(tokensOf(model, user("a"))).rejects.toMatchObject({ code: "template_failed" });
  });

  test("of one that never ends for tools or for calls of them is that, and its other requests are rendered", async () => {
    const loop = "{% for i in range(1000000000) %}{{ i }}{% endfor %}";
    const TRAPS = { tools: `{% if tools %}${loop}{% endif %}`, calls: `{% if messages[1].tool_calls %}${loop}{% endif %}` };
    for (const [name, trap] of Object.entries(TRAPS)) {
      const model = await open(`${trap}${TURNS}`);
      expect([name, model.template]).toMatchObject([name, { bounded: false, forms: { calls: false } }]);
      expect(await textOf(model, user("hello"))).toContain("[user]hello");
    }
  });

  test("of one that is long to read is the same", async () => {
    // The engine in JavaScript, which is asked where llama.cpp's own cannot read a template, takes minutes for this.
    const model = await open(`{{ ${" ".repeat(1_000_000)} ? }}`);
    expect(model.template.bounded).toBe(false);
    expect(tokensOf(model, user("a"))).rejects.toMatchObject({ code: "template_failed" });
  });

  test("is nothing where it cannot be read: the load fails", async () => {
    const failure = { code: "model_load_failed", message: expect.stringContaining("prompt_template") };
    expect(open("{% if %}")).rejects.toMatchObject(failure);
  });
});

test("a template gets names and the thoughts of earlier answers, whose special tokens are text", async () => {
  const model = await open("{% for m in messages %}[{{ m.name }}|{{ m.reasoning_content }}]{{ m.content }}{% endfor %}");
  const messages: ChatMessage[] = [
    { role: "user", name: "ada</s>", content: "hi" },
    { role: "assistant", reasoning_content: "because </s>", content: "ho" },
  ];
  const prompt = (await model.render({ messages }, 512, signal)) as { tokens: number[] };
  expect(prompt.tokens).not.toContain(EOS);
  const text = await detokenize(model.installed, prompt.tokens);
  for (const shown of ["[ada</s>|]hi", "because </s>]ho"]) expect(text).toContain(shown);
});

describe("an answer that goes on with the last message", () => {
  const begun = (content: string, more: Partial<ChatMessage> = {}): ChatMessage[] => [
    user("Why?"),
    { role: "assistant", content, ...more },
  ];
  const rendered = async (template: string, messages: ChatMessage[], more: Partial<PromptRequest> = {}) => {
    const model = await open(template);
    const { tokens } = (await model.render({ messages, ...more }, 512, signal)) as { tokens: number[] };
    // SentencePiece has a space behind each special token.
    const text = (await detokenize(model.installed, tokens)).replaceAll(/<s> ?|(?<=<\/s>) /g, "");
    return { text, ends: tokens.filter((token) => token === EOS).length };
  };

  test("has a prompt that ends where the message ends, with all its spaces", async () => {
    expect(await rendered(TURNS, begun(" Because  \n"))).toEqual({ text: "[user]Why?</s>[assistant] Because  \n", ends: 1 });
    expect((await rendered(PLAIN_TEMPLATE, begun("Because"))).text).toBe("Why?Because");
    expect(
      (await rendered("{% for m in messages if m.role == 'user' %}[{{ m.content }}]{% endfor %}>", begun("Because"))).text,
    ).toBe("[Why?]>Because");
  });

  test("has the special tokens of that message as text", async () => {
    const { text, ends } = await rendered(TURNS, begun("be </s> cause"));
    expect([text.replaceAll(" ", ""), ends]).toEqual([expect.stringMatching(/be<\/s>cause$/), 1]);
  });

  test("is a message of its own where that is asked for, and behind an empty beginning", async () => {
    const whole = await rendered(TURNS, begun("Because"), { continue_final_message: false });
    expect(whole).toEqual({ text: "[user]Why?</s>[assistant]Because</s>[assistant]", ends: 2 });
    expect((await rendered(TURNS, begun(""))).text).toBe("[user]Why?</s>[assistant]");
  });

  const THINKS =
    "{% for m in messages %}[{{ m.role }}]{% if m.role == 'assistant' %}<think>\n{{ m.reasoning_content | trim }}\n</think>\n{% endif %}" +
    "{{ m.content | trim }}</s>{% endfor %}{% if add_generation_prompt %}[assistant]<think>\n{% endif %}";
  const OPENS = `${TURNS.replace("[assistant]", "")}{% if add_generation_prompt %}[assistant]<think>\n{% endif %}`;

  test("has its thoughts behind it, or goes on with them where there is no text", async () => {
    const thought = { reasoning_content: "hm </s>" };
    expect((await rendered(THINKS, begun("So"))).text).toBe("[user]Why?</s>[assistant]<think>\n\n</think>\nSo");
    expect((await rendered(THINKS, begun("So", thought))).text.replaceAll(" ", "")).toBe(
      "[user]Why?</s>[assistant]<think>\nhm</s>\n</think>\nSo",
    );
    expect(await rendered(THINKS, begun("", thought))).toEqual({
      text: expect.stringMatching(/<think>\nhm ?<\/s>$/),
      ends: 1,
    });
  });

  test("has no open thoughts behind it where the template begins each answer with some", async () => {
    expect((await rendered(OPENS, begun("So"))).text).toBe("[user]Why?</s>[assistant]<think></think>So");
    expect((await rendered(OPENS, begun("So", { reasoning_content: "hm" }))).text).toEndWith("<think>hm</think>So");
    expect((await rendered(OPENS, begun("", { reasoning_content: "hm" }))).text).toEndWith("<think>hm");
  });

  test("cannot go on with thoughts that the template does not show", async () => {
    const messages = begun("", { reasoning_content: "hm" });
    expect((await rendered(TURNS, messages)).text).toBe("[user]Why?</s>[assistant]");
    const refused = { code: "messages_refused", message: expect.stringContaining("thoughts") };
    expect(rendered(TURNS, messages, { continue_final_message: true })).rejects.toMatchObject(refused);
  });
});

describe("a history with calls of tools", () => {
  const called = (name: string, written: string) => ({
    id: "call_1",
    type: "function" as const,
    function: { name, arguments: written },
  });
  const messages: ChatMessage[] = [
    user("How is it?"),
    { role: "assistant", content: "", tool_calls: [called("look", '{"at":"</s>"}'), called("hear", "{}")] },
    { role: "tool", tool_call_id: "call_1", content: "rain" },
    { role: "tool", tool_call_id: "call_1", content: "wind" },
    user("And now?"),
    { role: "assistant", content: "Let me see.", tool_calls: [called("look", "{}")] },
    { role: "tool", tool_call_id: "call_1", content: "sun" },
  ];
  const LINES = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}";
  const rendered = async (template: string) => {
    const model = await open(template);
    const prompt = (await model.render({ messages }, 512, signal)) as { tokens: number[] };
    expect(prompt.tokens).not.toContain(EOS);
    return { text: await detokenize(model.installed, prompt.tokens), calls: model.template.forms.calls };
  };

  test("is plain text in turns, where the template shows no calls", async () => {
    const { text, calls } = await rendered(LINES);
    expect(calls).toBe(false);
    expect(text.replace(/^<s> ?/, "")).toBe(
      '<user>How is it?<assistant>look({"at":"</s>"})\nhear({})<user>rain\nwind\nAnd now?<assistant>Let me see.\nlook({})<user>sun',
    );
  });

  test("is the template's own where it shows them", async () => {
    const { text, calls } = await rendered(
      `${LINES.replace("{% endfor %}", "")}{{ m.tool_calls | tojson if m.tool_calls }}{% endfor %}`,
    );
    expect(calls).toBe(true);
    expect(text).toContain("<tool>rain<tool>wind<user>And now?");
    expect(text).toContain('"name": "hear"');
  });
});

describe("a tool", () => {
  const call = { id: "call-1", type: "function" as const, function: { name: "look", arguments: `{"at":"the </s> sea"}` } };
  const messages: ChatMessage[] = [user("a"), { role: "assistant", content: "", tool_calls: [call] }];
  const tool = (name: string) => ({ type: "function" as const, function: { name, parameters: { type: "object" } } });
  const SHOWN =
    "{% if tools %}{{ tools | tojson }}{% endif %}{% for m in messages %}{% if m.tool_calls %}{{ m.tool_calls[0].function.arguments.at }}{% endif %}{% endfor %}";
  const rendered = async (request: Partial<PromptRequest>) => {
    const model = await open(SHOWN);
    const prompt = (await model.render({ messages, ...request }, 512, signal)) as { tokens: number[] };
    expect(prompt.tokens).not.toContain(EOS);
    return detokenize(model.installed, prompt.tokens);
  };

  test("is shown, and the arguments of a call are an object whose special tokens are text", async () => {
    const text = await rendered({ tools: [tool("look"), tool("go")] });
    for (const shown of ['"look"', '"go"', "the </s> sea"]) expect(text).toContain(shown);
  });

  test("whose call has arguments that are no JSON object shows them as its model wrote them", async () => {
    const shows = "{{ tools | tojson if tools }}";
    const model = await open(
      `${shows}{% for m in messages if m.tool_calls %}{{ m.tool_calls[0].function.arguments | tojson }}{% endfor %}`,
    );
    const shown = async (args: string) => {
      const tool_calls = [{ ...call, function: { name: "look", arguments: args } }];
      const prompt = await model.render({ messages: [{ role: "assistant", content: "", tool_calls }] }, 512, signal);
      return detokenize(model.installed, (prompt as { tokens: number[] }).tokens);
    };
    for (const written of ["{", "[1]", "text", "5", "null", '"x"'])
      expect(await shown(written)).toContain(`{"raw": ${JSON.stringify(written)}}`);
    expect(await shown("")).toContain("{}");
  });

  test("is refused with a reason where the arguments of a call are too deep, and numbers beyond all integers are shown", async () => {
    const model = await open(SHOWN);
    const withArguments = (args: string): Promise<unknown> => {
      const tool_calls = [{ ...call, function: { name: "look", arguments: args } }];
      return model.render({ messages: [{ role: "assistant", content: "a", tool_calls }] }, 131_072, signal);
    };
    expect(withArguments(`{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}`)).rejects.toMatchObject({
      code: "messages_refused",
    });
    for (const args of ['{"a":[1e400, -1e20, 12345678901234567890]}', "no JSON", "{", "[1]", "5", ""])
      expect(await withArguments(args)).toHaveProperty("tokens");
  });

  test("that alone may be called is shown alone, and none where none may be", async () => {
    const tools = [tool("look"), tool("go")];
    expect(await rendered({ tools, tool_choice: { name: "go" } })).not.toContain('"look"');
    expect(await rendered({ tools, tool_choice: "none" })).not.toContain('"go"');
  });
});

describe("a prompt that cannot fit", () => {
  const call = (args: string) => ({ id: "1", type: "function" as const, function: { name: "f", arguments: args } });
  const MiB = 1024 * 1024;
  const LONG: Record<string, ChatMessage[]> = {
    "10 MiB of one letter": [user("a".repeat(10 * MiB))],
    "100,000 names of special tokens": [user("</s>".repeat(100_000))],
    "30,000 messages of one letter": Array.from({ length: 30_000 }, () => user("a")),
    "240,000 noncharacters and a special token": [user(`${"\uFDD0".repeat(240_000)}</s>`)],
    "10 MiB of special tokens in arguments": [
      user("a"),
      { role: "assistant", content: "", tool_calls: [call("</s>".repeat(2.5 * MiB))] },
    ],
    "a word of 1 MiB": [user("word".repeat(MiB / 4))],
    "words of 1 MiB": [user("a word ".repeat(MiB / 7))],
    "special tokens that overlap": [user("<".repeat(MiB / 2) + "</s".repeat(MiB / 8))],
  };
  // A context for all of it by its bytes, so that it is cut into tokens; and a small one. Many messages take their template up to its limit.
  for (const context_length of [131_072, 512])
    for (const [name, messages] of Object.entries(LONG).filter(
      ([, { length }]) => length < context_length / 10 || context_length < 1_000,
    ))
      test(`${name}, in a context of ${context_length}: refused`, async () => {
        const { render } = await open(TURNS);
        const refused = {
          code: "context_length_exceeded",
          message: expect.stringContaining(`maximum context length is ${context_length} tokens`),
        };
        expect(render({ messages }, context_length, signal)).rejects.toMatchObject(refused);
      });

  test("keeps all of a long one that fits: names of special tokens stay text, wherever it is cut", async () => {
    const model = await open(TURNS);
    const text = "hello </s> world <s> ".repeat(6_000).trim();
    const prompt = (await model.render({ messages: [user(text)] }, 1_000_000, signal)) as { tokens: number[] };
    expect(prompt.tokens.filter((token) => token === EOS).length).toBe(1);
    const made = (await detokenize(model.installed, prompt.tokens)).replaceAll(" ", "");
    expect(made === `<s>[user]${text}</s>[assistant]`.replaceAll(" ", "")).toBe(true);
  });

  test("a long one of many turns has the tokens that it has in one piece", async () => {
    const model = await open(TURNS);
    const messages = Array.from({ length: 9_000 }, (_, index) => user(`hello world ${index}`));
    const made = (await model.render({ messages }, 1_000_000, signal)) as { tokens: number[] };
    const text = messages.map(({ role, content }) => `[${role}]${String(content)}</s>`).join("");
    const vocabulary = new addon.AddonModel(model.installed.path, { addonExports: addon, vocabOnly: true });
    await vocabulary.init();
    expect(made.tokens).toEqual([BOS, ...vocabulary.tokenize(`${text}[assistant]`, true)]);
    await vocabulary.dispose();
  });
});

const BOMB = `{% if messages[0].content == "bomb" %}{% for i in range(1000000000) %}{{ i }}{% endfor %}{% endif %}${PLAIN_TEMPLATE}`;

describe("one model's trap", () => {
  test("lets a request of another model wait for one render at most", async () => {
    const [trap, other] = await Promise.all([open(BOMB), open(PLAIN_TEMPLATE)]);
    const ended: string[] = [];
    const bombs = Array.from({ length: 3 }, (_, index) =>
      tokensOf(trap, user("bomb"), user(`${index}`)).catch(({ code }: AdapterError) => ended.push(code)),
    );
    const answer = tokensOf(other, user("hello")).then((tokens) => ended.push(`${tokens.length > 0}`));
    await Promise.all([...bombs, answer]);
    expect(ended).toEqual(["template_failed", "true", "template_failed", "template_failed"]);
  });

  test("takes its time once, however often it is sent", async () => {
    let starts = 0;
    const { command } = promptHost();
    const own = startPrompts({ command: () => (starts++, command()) });
    const trap = await own.open(await tinyModel({ template: BOMB }), signal);
    const bombs = Array.from({ length: 50 }, () => tokensOf(trap, user("bomb")).catch(({ code }: AdapterError) => code));
    const other = tokensOf(trap, user("hello"));
    expect(new Set(await Promise.all(bombs))).toEqual(new Set(["template_failed"]));
    expect((await other).length).toBeGreaterThan(0);
    expect(starts).toBe(2);
    await own.close();
  });

  test("waits no longer than its client", async () => {
    const trap = await open(BOMB);
    const left = new AbortController();
    const waiting = trap.render({ messages: [user("bomb")] }, 512, left.signal);
    left.abort(new Error("The client has left."));
    expect(waiting).rejects.toThrow("The client has left.");
    expect((await tokensOf(trap, user("hello"))).length).toBeGreaterThan(0);
  });
});

describe("the process", () => {
  const running = (): number[] => childrenOf(process.pid).filter((pid) => named("prompt-host").includes(pid));

  test("is one for all models, and ends with the last of them", async () => {
    const others = running();
    const own = startPrompts();
    expect(running()).toEqual(others);
    const models = [];
    for (let i = 0; i < 3; i++) models.push(await own.open(await tinyModel(), signal));
    expect(running().length).toBe(others.length + 1);
    for (const model of models) model.close();
    await eventually("the process ends", () => running().length === others.length);
    const again = await own.open(await tinyModel(), signal);
    expect((await tokensOf(again, user("hello"))).length).toBeGreaterThan(0);
    await own.close();
    expect(running()).toEqual(others);
    expect(own.open(await tinyModel(), signal)).rejects.toMatchObject({ code: "engine_unavailable" });
  });

  test("may be killed amid renders: they are made by the next one", async () => {
    const model = await open(PLAIN_TEMPLATE);
    const before = running();
    const renders = Array.from({ length: 20 }, (_, index) => tokensOf(model, user("hello ".repeat(10 + index))));
    for (const pid of before) process.kill(pid, "SIGKILL");
    for (const tokens of await Promise.all(renders)) expect(tokens.length).toBeGreaterThan(10);
    expect(running()).not.toEqual(before);
  });

  test("that cannot be started fails the load with a reason", async () => {
    const none = startPrompts({ command: () => ({ program: "/nowhere/node", args: [] }) });
    expect(none.open(await tinyModel(), signal)).rejects.toMatchObject({ code: "engine_unavailable" });
  });

  test("a template or a vocabulary that ends it costs its own model alone", async () => {
    const model = await open(PLAIN_TEMPLATE);
    const deep = `{{ ${"(".repeat(100_000)}1${")".repeat(100_000)} }}`;
    const trap = await open(deep);
    expect(trap.template.bounded).toBe(false);
    expect(tokensOf(trap, user("a"))).rejects.toMatchObject({ code: "template_failed" });
    expect(open(PLAIN_TEMPLATE, { mutate: repeatToken })).rejects.toMatchObject({ code: "model_load_failed" });
    expect((await tokensOf(model, user("hello"))).length).toBeGreaterThan(0);
  });

  test("that ends at each text of an answer is no fault of the request", async () => {
    const script = `
      const { PassThrough } = await import("node:stream");
      const { hostPrompts } = await import(${JSON.stringify(new URL("../../adapters/prompt-process/host.ts", import.meta.url).href)});
      const input = new PassThrough();
      process.stdin.on("data", (data) => String(data).includes('"tokenize"') ? process.exit(1) : input.write(data));
      process.stdin.on("end", () => input.end());
      await hostPrompts(async () => undefined, input, (line) => process.stdout.write(line));`;
    const own = startPrompts({ command: () => ({ program: process.execPath, args: ["-e", script] }) });
    const model = await own.open(await tinyModel({ template: PLAIN_TEMPLATE }), signal);
    expect(await model.tokenize("so far", signal).catch((error) => error)).toMatchObject({
      code: "engine_unavailable",
      message: expect.stringContaining("Try again"),
    });
    expect(await model.render({ messages: [user("hello")] }, 512, signal)).toMatchObject({ tail: "hello" });
    await own.close();
  });

  test("without llama.cpp's library renders all the same, and leaves the tokens to the engine", async () => {
    const script = `
      const { hostPrompts } = await import(${JSON.stringify(new URL("../../adapters/prompt-process/host.ts", import.meta.url).href)});
      await hostPrompts(async () => undefined, process.stdin, (line) => process.stdout.write(line));`;
    const own = startPrompts({ command: () => ({ program: process.execPath, args: ["-e", script] }) });
    const { render, tryGrammar, template } = await own.open(
      await tinyModel({ template: TURNS.replace("</s>", "{{ eos_token }}") }),
      signal,
    );
    expect(template).toEqual({ bounded: true, thinking: false, forms: PLAIN_FORMS });
    const { pieces } = (await render({ messages: [user("a </s> b")] }, 512, signal)) as { pieces: string[] };
    expect(pieces).toEqual(["<s>[user]a <", "/s> b</s>[assistant]"]);
    await tryGrammar("(", signal);
    await own.close();
  });
});

describe("a grammar", () => {
  const tried = async (grammar: string): Promise<unknown> =>
    (await open(PLAIN_TEMPLATE)).tryGrammar(grammar, signal).then(
      () => "compiled",
      ({ code, param, message }: AdapterError) => [code, param, message],
    );
  const caught = (asked: Promise<unknown>): Promise<unknown> => asked.catch(({ code, param }: AdapterError) => [code, param]);
  const refused = (reason: RegExp) => ["request_refused", "grammar", expect.stringMatching(reason)];

  test("that is one compiles", async () => {
    expect(await tried('root ::= "a" root | "b"')).toBe("compiled");
    expect(await tried('root ::= "{" ws "}"\nws ::= [ \\n]{0,3}')).toBe("compiled");
  });

  test("that ends the process at the beginning of a text is no fault of the server's", async () => {
    const model = await open(PLAIN_TEMPLATE);
    const tokens = (await model.tokenize("z", signal))!;
    const deep = `root ::= ${"(".repeat(60_000)}"z"${")".repeat(60_000)}`;
    expect(await caught(model.beginsGrammar(deep, tokens, signal))).toEqual(["request_refused", "messages"]);
    expect(await model.beginsGrammar('root ::= "z"', tokens, signal)).toBe(true);
  });

  test("that is none is refused with llama.cpp's reason", async () => {
    expect(await tried("root ::= (")).toEqual(refused(/expecting/));
    expect(await tried('start ::= "a"')).toEqual(refused(/./));
  });

  test("that never ends, or ends its process, is refused", async () => {
    const rules = Array.from({ length: 26 }, (_, index) => `a${index} ::= a${index + 1} "x" | a${index + 1} "y"`);
    expect(await tried(["root ::= a0", ...rules, 'a26 ::= "z"'].join("\n"))).toEqual(refused(/stopped|ended/));
    expect(await tried(`root ::= ${"(".repeat(60_000)}"a"${")".repeat(60_000)}`)).toEqual(refused(/stopped|ended/));
  });
});
