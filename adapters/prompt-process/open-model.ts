// One model in the prompt process: its template and its vocabulary.
import { readGgufFile } from "../../models/gguf/header.ts";
import { templateFacts } from "../../models/gguf/template-facts.ts";
import { AdapterError } from "../adapter.ts";
import type { Prompt } from "../prompts.ts";
import { readModelFile } from "../shared/read-model-file.ts";
import { messagesRefused, REMEDY, tooLong } from "./errors.ts";
import { createTextScan } from "./escape.ts";
import { templateValues } from "./messages.ts";
import type { NativeAddon } from "./native.ts";
import type { Answers, PromptQuestion } from "./protocol.ts";
import { compileTemplate, type Render, type TemplateValues } from "./template.ts";
import { tokenizePrompt } from "./tokenize-prompt.ts";
import { tryGrammar } from "./try-grammar.ts";
import { openVocabulary } from "./vocabulary.ts";

type QuestionOf<Type> = Extract<PromptQuestion, { type: Type }>;

export type OpenModel = Awaited<ReturnType<typeof openModel>>;

/** Throws `AdapterError` `model_load_failed`. */
export async function openModel({ id, path, prompt_template }: QuestionOf<"open">, addon: NativeAddon | undefined) {
  const header = await readModelFile({ id, path }, readGgufFile);
  const { chat_template, tool_template } = header;
  const vocabulary = await openVocabulary(path, header, addon);
  const { names, tokenizer } = vocabulary;
  // Compiled at the first use, whose clock bounds that, too.
  let compiled: ReturnType<typeof compileTemplate> | undefined;
  const template = () => (compiled ??= compileTemplate({ prompt_template, chat_template, tool_template }, vocabulary, addon));

  return {
    longest_token: vocabulary.longest_token,
    /** Throws `AdapterError` `model_load_failed` where the template cannot be parsed. */
    sample(): Answers["sample"] {
      const { source, render } = template();
      return { ...sampleMessages(render), thinking: templateFacts(source).template_thinking };
    },
    shows: ({ what, parts }: QuestionOf<"shows">): Answers["shows"] => ({ shown: SAMPLES[what](template().render, parts) }),
    /** `rendered` is called between the two halves of the work. */
    async render({ request, forms, limits }: QuestionOf<"render">, rendered: () => void): Promise<Prompt> {
      const scan = createTextScan(names);
      const values = templateValues(request, forms, scan.look);
      const separator = scan.separator();
      const { render } = template();
      const text = withoutStart(render(separator === undefined ? values : templateValues(request, forms, separator.escape)));
      rendered();
      refuseTooLong(text, request, limits);
      const pieces = separator === undefined ? [text] : separator.split(text);
      if (tokenizer === undefined) return { pieces };
      const tokens = await tokenizePrompt(pieces, tokenizer, names, limits);
      if (tokens.length === 0) throw messagesRefused("it makes no text of them");
      return { tokens };
    },
    tryGrammar: (grammar: string): void => tryGrammar(grammar, addon, tokenizer),
    close: () => tokenizer?.native.dispose(),
  };

  /** The tokenizer begins the sequence. */
  function withoutStart(text: string): string {
    const begun = tokenizer?.start !== undefined && vocabulary.bos !== "" && text.startsWith(vocabulary.bos);
    return begun ? text.slice(vocabulary.bos.length) : text;
  }
}

/** A template that makes so much of so little is a trap; other texts are too long because their messages are. */
const MOST_GROWTH = 64;
const LARGE = 1024 * 1024;

function refuseTooLong(
  text: string,
  { messages, tools }: QuestionOf<"render">["request"],
  limits: QuestionOf<"render">["limits"],
): void {
  const bytes = Buffer.byteLength(text);
  if (bytes <= limits.bytes) return;
  if (bytes > LARGE && bytes > MOST_GROWTH * JSON.stringify([messages, tools]).length) {
    const made = `The model's chat template makes ${Math.round(bytes / 1e6)} MB of these messages. ${REMEDY}`;
    throw new AdapterError("template_failed", made);
  }
  throw tooLong(Math.floor((bytes / limits.bytes) * limits.tokens), limits, "some");
}

const SYSTEM = "INGLE-SYSTEM";
const USER = "INGLE-USER";
const TOOL = "ingle_sample_tool";
const ANSWER = "ingle sample answer";
/** Mistral's templates refuse every other length. */
const CALL_ID = "ingle1234";

/** A sample that breaks is one that the template does not take: requests have their own errors. */
function shows(render: Render, text: string, values: TemplateValues): boolean {
  try {
    return render(values).includes(text);
  } catch {
    return false;
  }
}

const sample = (role: string, text: string, parts: boolean): object => ({
  role,
  content: parts ? [{ type: "text", text }] : text,
});

function sampleMessages(render: Render): Omit<Answers["sample"], "thinking"> {
  const shown = (parts: boolean): boolean => shows(render, USER, { messages: [sample("user", USER, parts)] });
  const parts = !shown(false) && shown(true);
  const messages = [sample("system", SYSTEM, parts), sample("user", USER, parts)];
  return { parts, system: shows(render, SYSTEM, { messages }) };
}

const SAMPLES = {
  tools(render: Render, parts: boolean): boolean {
    const tool = { name: TOOL, description: "", parameters: { type: "object", properties: {} } };
    return shows(render, TOOL, { messages: [sample("user", USER, parts)], tools: [{ type: "function", function: tool }] });
  },
  calls(render: Render, parts: boolean): boolean {
    const call = { id: CALL_ID, type: "function", function: { name: TOOL, arguments: {} } };
    const called = { ...sample("assistant", "", parts), tool_calls: [call] };
    const answer = { ...sample("tool", ANSWER, parts), tool_call_id: CALL_ID, name: TOOL };
    const messages = [sample("user", USER, parts), called, answer];
    return shows(render, TOOL, { messages }) && shows(render, ANSWER, { messages });
  },
};
