// What llama-server makes of a conversation with the template of a model is made of it here, for the templates of llama.cpp's own tests:
// what it takes is taken, and the prompt is the same. What it refuses is taken as well.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import * as v from "valibot";
import type { ChatMessage } from "../../adapters/adapter.ts";
import { chatRouteBody } from "../../adapters/llama-server/request-body.ts";
import type { NativeAddon, NativeVocabulary } from "../../adapters/prompt-process/native.ts";
import type { ModelPrompts, PromptRequest } from "../../adapters/prompts.ts";
import { fitMessages } from "../../adapters/shared/fit-messages/fit-messages.ts";
import { Message } from "../../src/api/chat/messages.ts";
import { nativeAddon } from "../../src/executable/carried-engines.ts";
import { startBareServer } from "../support/bare-server.ts";
import { type ConversationShape, SHAPES, TEXTS } from "../support/conversation-shapes.ts";
import { llamaCppModels } from "../support/llama-cpp-models.ts";
import { realServer } from "../support/llama-server-binary.ts";
import { ask, tinyModel } from "../support/models.ts";
import { startPrompts } from "../support/prompts.ts";

const { path, skip } = await realServer();
const { root, templates } = llamaCppModels();
const prompts = startPrompts();
afterAll(() => {
  rmSync(root, { recursive: true });
  return prompts.close();
});
const { signal } = new AbortController();

/** Prompts that differ although each has all texts of the conversation: why. */
const DIFFERENT: Record<string, Record<string, string>> = {
  "google-gemma-2-2b-it": everyShape(/rule at the end/, "the template writes a role that the model does not know"),
  "Mistral-Small-3.2-24B-Instruct-2506": everyShape(
    /rule at the end/,
    "the template takes a rule for an answer there, and nowhere else",
  ),
  "google-gemma-4-31B-it": everyShape(/parts everywhere/, "the template writes the parts of a rule as Python would"),
  "google-gemma-4-31B-it-interleaved": {
    ...everyShape(/parts everywhere/, "the template writes the parts of a rule as Python would"),
    ...everyShape(/call|tool that|tool with/, "llama.cpp gives this template the answers of tools in a field of its own"),
  },
  "StepFun3.5-Flash": everyShape(/spaces/, "llama.cpp takes the spaces around all texts away"),
  "meetkai-functionary-medium-v3.2": everyShape(/an empty text/, "an empty text is a call without arguments"),
};

function everyShape(names: RegExp, reason: string): Record<string, string> {
  return Object.fromEntries(Object.keys(SHAPES).flatMap((name) => (names.test(name) ? [[name, reason]] : [])));
}

const LOADED = { context_length: 512, vocab_size: 269, own_template: true, template_tools: true };

describe.skipIf(path === undefined)(`the templates of llama.cpp${skip ? ` (skipped: ${skip})` : ""}`, () => {
  let addon: NativeAddon;
  let vocabulary: NativeVocabulary;

  beforeAll(async () => {
    addon = (await nativeAddon(process.env))!;
    vocabulary = new addon.AddonModel((await tinyModel()).path, { addonExports: addon, vocabOnly: true });
    await vocabulary.init();
  });
  afterAll(() => vocabulary.dispose());

  test("are 70", () => {
    expect(templates.length).toBe(70);
  });

  for (const { name, source } of templates) {
    test(name, async () => {
      const installed = await tinyModel({ template: source });
      const [server, model] = await Promise.all([startBareServer(path!, installed.path), prompts.open(installed, signal)]);
      const differences: Record<string, unknown> = {};
      for (const [shape, conversation] of Object.entries(SHAPES)) {
        const difference = await compare(server, model, conversation);
        if (difference !== undefined && DIFFERENT[name]?.[shape] === undefined) differences[shape] = difference;
      }
      await server.kill();
      model.close();
      expect(differences).toEqual({});
    });
  }

  /** Undefined where the prompts are the same, where llama-server has none, and where texts of the conversation are not in its prompt. */
  async function compare(
    server: Awaited<ReturnType<typeof startBareServer>>,
    model: ModelPrompts,
    conversation: ConversationShape,
  ): Promise<unknown> {
    const request = { ...conversation, messages: v.parse(v.array(Message), conversation.messages) } as PromptRequest;
    const rendered = await model.render(request, 131_072, signal).catch((error: Error) => error.message);
    if (typeof rendered === "string") return { refused: rendered };
    const { tokens } = rendered as { tokens: number[] };
    const { prompt } = (await server.post("/apply-template", conversation)) as { prompt?: string };
    if (prompt === undefined) return refusalOfFitting(server, model, request);
    if (Buffer.from(Uint32Array.of(...tokens)).equals(Buffer.from(tokenize(prompt)))) return undefined;
    const made = vocabulary.detokenize(Uint32Array.from(tokens), true);
    const texts = JSON.stringify(conversation.messages).match(TEXTS) ?? [];
    return texts.some((text) => !prompt.includes(text) && made.includes(text)) ? undefined : { made, expected: prompt };
  }

  /** llama-server's chat route takes the messages as they are sent there. */
  async function refusalOfFitting(
    server: Awaited<ReturnType<typeof startBareServer>>,
    { template: { forms } }: ModelPrompts,
    request: PromptRequest,
  ): Promise<unknown> {
    const messages: ChatMessage[] = fitMessages(request.messages, forms);
    const loaded = { ...LOADED, parsed_arguments: forms.object_arguments };
    const answer = await server.post("/apply-template", chatRouteBody({ ...ask(messages), ...request, messages }, loaded, forms));
    return "prompt" in (answer as object) ? undefined : { refused_by_llama_server: answer };
  }

  function tokenize(prompt: string): Uint32Array {
    return Uint32Array.of(vocabulary.tokenBos(), ...vocabulary.tokenize(prompt, true));
  }
});
