// Prompts without a process, as where no library at hand knows the vocabulary: the engine makes tokens of their pieces.
import { Template } from "@huggingface/jinja";
import { readGgufFile } from "../../models/gguf/header.ts";
import type { AdapterError } from "../../adapters/adapter.ts";
import type { PromptRequest, Prompts, TemplateFacts, TemplateForms } from "../../adapters/prompts.ts";
import { PLAIN_FORMS } from "../../adapters/prompt-process/sample-template.ts";
import { jinjaTemplate } from "../../adapters/shared/jinja-template.ts";
import { textOf } from "../../adapters/shared/message-text.ts";

/** Of a template that shows tools and their calls. */
export const FORMS: TemplateForms = { ...PLAIN_FORMS, calls: true };
const PLAIN: TemplateFacts = { bounded: true, thinking: false, forms: FORMS };

const NO_VOCABULARY = {
  ...{ tokenize: async () => undefined, tokenizeBehind: async () => undefined, tokenizeText: async () => undefined },
  detokenize: async () => undefined,
  tokenBytes: async () => undefined,
  ...{ tokenizeTexts: async () => undefined, rankInputs: async () => undefined, ends: {} },
};

/** `names`: texts of special tokens, which are cut behind their first character where they stand in a message. */
export function renderedPrompts(facts: Partial<TemplateFacts> = {}, names = ["<s>", "</s>"]): Prompts {
  return {
    async open({ path, settings: { prompt_template } }) {
      const { chat_template = "" } = await readGgufFile(path);
      const template = new Template(prompt_template === undefined ? chat_template : jinjaTemplate(prompt_template));
      return {
        vocab_size: 0,
        template_digest: "",
        template: { ...PLAIN, ...facts },
        async render({ messages, tools }) {
          const split = (text: string) => names.reduce((text, name) => text.replaceAll(name, `<\uFDD0${name.slice(1)}`), text);
          const texts = messages.map(({ role, content }) => ({ role, content: split(textOf(content)) }));
          const text = template.render({ messages: texts, tools, bos_token: "<s>", add_generation_prompt: true });
          return { pieces: text.split("\uFDD0"), tail: text.slice(-256) };
        },
        ...NO_VOCABULARY,
        renderText: async () => "",
        beginsGrammar: async () => true,
        tryGrammar: async () => {},
        close: () => {},
      };
    },
    knownTemplate: async () => undefined,
    close: async () => {},
  };
}

/** Prompts with a token for each character of the messages. */
export function characterPrompts(): Prompts {
  const { prompts } = fixedPrompts();
  return {
    ...prompts,
    async open(...args) {
      const render = async ({ messages }: PromptRequest) => {
        const text = messages.map(({ content }) => textOf(content)).join("");
        return { tokens: Array.from(text, (character) => character.codePointAt(0)!), tail: "" };
      };
      return { ...(await prompts.open(...args)), render };
    },
  };
}

/** Prompts of a model whose every request is rendered to `prompt`, or refused; `grammar`: the refusal of each. `rendered` are the requests. */
export function fixedPrompts(
  prompt: { tokens: number[] } | { pieces: string[] } | AdapterError = { tokens: [1, 2, 3] },
  facts: Partial<TemplateFacts> = {},
  grammar?: AdapterError,
) {
  const rendered: PromptRequest[] = [];
  const prompts: Prompts = {
    open: async () => ({
      vocab_size: 0,
      template_digest: "",
      template: { ...PLAIN, ...facts },
      async render(request) {
        rendered.push(request);
        if (prompt instanceof Error) throw prompt;
        return { ...prompt, tail: "" };
      },
      ...NO_VOCABULARY,
      renderText: async () => "",
      beginsGrammar: async () => true,
      async tryGrammar() {
        if (grammar instanceof Error) throw grammar;
      },
      close: () => {},
    }),
    knownTemplate: async () => undefined,
    close: async () => {},
  };
  return { prompts, rendered };
}
