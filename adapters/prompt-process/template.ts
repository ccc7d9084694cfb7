// The chat template of a model: what is rendered, and what its failures mean. It is a stranger's program, whose end is the server's clock.
import { AdapterError } from "../adapter.ts";
import { jinjaTemplate } from "../shared/jinja-template.ts";
import { messagesRefused, REMEDY } from "./errors.ts";
import { compileJinja } from "./jinja.ts";
import type { NativeAddon } from "./native.ts";

/** Values of one render, by the names that templates know. */
export interface TemplateValues {
  messages: object[];
  tools?: object[] | undefined;
  /** False: no answer of the assistant begins behind the messages. */
  generation_prompt?: boolean;
  /** Further values of the request. */
  kwargs?: Record<string, unknown> | undefined;
}

/** Texts of the tokens that begin and end a sequence; empty where the vocabulary has none, or is not known. */
export interface SequenceTokens {
  bos: string;
  eos: string;
}

export interface TemplateSources {
  /** The record's. */
  prompt_template?: string | undefined;
  /** The file's. */
  chat_template?: string | undefined;
  /** The file's, for requests with tools. */
  tool_template?: string | undefined;
}

// The format that most instruction models know, and llama.cpp's own default for a file without a template.
const CHATML =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

export type Render = (values: TemplateValues) => string;

/**
 * Throws `AdapterError` `model_load_failed` where a template cannot be parsed; the function throws `messages_refused` where the template
 * refuses the messages, and `template_failed` where it breaks.
 */
export function compileTemplate(sources: TemplateSources, sequence: SequenceTokens, native: NativeAddon | undefined) {
  const { prompt_template, chat_template, tool_template } = sources;
  const usual = prompt_template === undefined ? chat_template || tool_template || CHATML : jinjaTemplate(prompt_template);
  const render = compile(usual, native);
  const for_tools = prompt_template === undefined && tool_template ? compile(tool_template, native) : render;
  const thinks = WRITES_THOUGHTS.test(usual.replaceAll("enable_thinking", ""));
  const renderMessages: Render = ({ messages, tools, kwargs, generation_prompt = true }) => {
    const now = new Date();
    const [, month, day, year] = now.toDateString().split(" ");
    const values = {
      // As llama-server has it.
      ...{ enable_thinking: thinks, datetime: `${month} ${day} ${year}`, date_string: `${day} ${month} ${year}` },
      ...keepThoughts(kwargs?.preserve_reasoning !== false),
      ...kwargs,
      ...{ messages, add_generation_prompt: generation_prompt, bos_token: sequence.bos, eos_token: sequence.eos },
      ...(tools && { tools }),
    };
    return (tools === undefined ? render : for_tools)(values);
  };
  return { source: usual, render: renderMessages };
}

/** Markers and fields of thoughts. A template that has the switch alone asks for thoughts that nobody would find in the answer. */
const WRITES_THOUGHTS = /think|reason/i;

/** The names by which templates know whether the thoughts of all earlier answers stay. */
const keepThoughts = (keep: boolean) => ({
  preserve_thinking: keep,
  ...{ clear_thinking: !keep, truncate_history_thinking: !keep, drop_thinking: !keep },
});

function compile(source: string, native: NativeAddon | undefined): (values: Record<string, unknown>) => string {
  let failure: unknown;
  for (const engine of native === undefined ? [compileJinja] : [nativeJinja(native), compileJinja])
    try {
      return named(engine(withoutChecks(source)));
    } catch (error) {
      failure ??= error;
    }
  const message = `The chat template in the model file cannot be read (${reasonOf(failure)}). ${REMEDY}`;
  throw new AdapterError("model_load_failed", message, { cause: failure });
}

const nativeJinja = ({ AddonJinjaRenderer }: NativeAddon) =>
  function compileNative(source: string): (values: Record<string, unknown>) => string {
    const template = new AddonJinjaRenderer(source);
    return (values) => template.render(values);
  };

/** Two checks of messages that llama.cpp takes out of templates, as they refuse what models themselves have written. */
function withoutChecks(source: string): string {
  return CHECKS.reduce((text, check) => text.replaceAll(check, "{%- if false %}"), source);
}

const CHECKS = [
  `{%- if "<|channel|>analysis<|message|>" in message.content or "<|channel|>final<|message|>" in message.content %}`,
  "{%- if (message['content'] is none or message['content'] == '' or message['content']|length == 0) and " +
    "(message['tool_calls'] is not defined or message['tool_calls'] is none or message['tool_calls']|length == 0) %}",
];

function named(render: (values: Record<string, unknown>) => string): (values: Record<string, unknown>) => string {
  return (values) => {
    try {
      return render(values);
    } catch (error) {
      if (error instanceof AdapterError) throw error;
      const { message } = error as Error;
      const refusal =
        /Jinja Exception: ([^\n]*)/.exec(message)?.[1] ?? /failed to convert input[^:]*: ([^\n]*)/.exec(message)?.[1];
      if (refusal !== undefined) throw messagesRefused(refusal);
      throw new AdapterError("template_failed", `The model's chat template failed (${reasonOf(error)}). ${REMEDY}`, {
        cause: error,
      });
    }
  };
}

/** The native messages begin with the names of classes, and go on with a piece of the source. */
function reasonOf(error: unknown): string {
  const lines = (error as Error).message.replace(/^AddonJinjaRenderer: [^:]*: /, "").split("\n");
  return (lines.findLast((line) => line.startsWith("Error: ")) ?? lines.find((line) => line.trim() !== "") ?? "")
    .replace(/^Error: /, "")
    .slice(0, 200);
}
