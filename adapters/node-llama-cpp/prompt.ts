// Turns messages into tokens, through the chat template of the model file or the `prompt_template` of its record.
import { createContext, Script } from "node:vm";
import { Environment, Interpreter, Template } from "@huggingface/jinja";
import type { LlamaModel } from "node-llama-cpp";
import { AdapterError, type ChatMessage } from "../adapter.ts";
import { jinjaTemplate } from "../shared/jinja-template.ts";
import { looksSpecial } from "../shared/special-tokens.ts";

/** A message of text alone. */
type TextMessage = Pick<ChatMessage, "role"> & { content: string };

export type PromptTokenizer = (messages: readonly TextMessage[]) => number[];

/** Limits of a template, which is a stranger's program: its time, and the length of a `range`. */
const RENDER_MS = 2_000;
const MAX_RANGE = 10_000;

/**
 * Throws `AdapterError` `model_load_failed` where the template cannot be parsed; the tokenizer throws `messages_refused` where the template
 * refuses the messages, and `template_failed` where it breaks.
 */
export function createPromptTokenizer(model: LlamaModel, prompt_template: string | undefined): PromptTokenizer {
  const render = createRender(model, prompt_template === undefined ? templateOf(model) : jinjaTemplate(prompt_template));
  return (messages) => {
    // A special token in a message is text: a separator in its middle keeps the tokenizer from seeing it.
    const separator = unusedSeparator(messages);
    const escaped = messages.map(({ role, content }) => ({ role, content: splitSpecialTokens(model, content, separator) }));
    const pieces = render(escaped).split(separator);
    const tokens = pieces.flatMap((piece, i) => model.tokenize(piece, true, i === 0 ? undefined : "trimLeadingSpace"));
    const { bos, shouldPrependBosToken } = model.tokens;
    return shouldPrependBosToken && bos !== null && tokens[0] !== bos ? [bos, ...tokens] : tokens;
  };
}

// The format that most instruction models know, and llama.cpp's own default for a file without a template.
const CHATML =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

function templateOf({ fileInfo }: LlamaModel): string {
  const source: unknown = fileInfo.metadata.tokenizer?.chat_template;
  return typeof source === "string" && source !== "" ? source : CHATML;
}

function createRender(model: LlamaModel, source: string): (messages: readonly TextMessage[]) => string {
  const template = parseTemplate(source);
  const { bosString, eosString } = model.tokens;
  const globals = { ...GLOBALS, add_generation_prompt: true, bos_token: bosString ?? "", eos_token: eosString ?? "" };
  return (messages) =>
    renderInTime(() => {
      const environment = new Environment();
      for (const [name, value] of Object.entries({ ...globals, messages })) environment.set(name, value);
      return String(new Interpreter(environment).run(template.parsed).value);
    });
}

// The names that templates use. The library's own `range` has no limit, and its `raise_exception` throws what its own faults throw.
const GLOBALS = {
  true: true,
  True: true,
  false: false,
  False: false,
  none: null,
  None: null,
  raise_exception: refuseMessages,
  range,
  strftime_now: (format: string) => new Template("{{ strftime_now(format) }}").render({ format }),
};

function parseTemplate(source: string): Template {
  try {
    return new Template(source);
  } catch (error) {
    const message = `The chat template in the model file cannot be read (${(error as Error).message}). ${REMEDY}`;
    throw new AdapterError("model_load_failed", message, { cause: error });
  }
}

const REMEDY = `Give the model's record a "prompt_template" in its settings.`;

function refuseMessages(reason: unknown): never {
  throw new AdapterError("messages_refused", `The model's chat template refuses these messages: ${String(reason).slice(0, 200)}`);
}

function range(first: number, end?: number, step = 1): number[] {
  const [from, to] = end === undefined ? [0, first] : [first, end];
  const length = Math.max(0, Math.ceil((to - from) / step));
  if (!(length <= MAX_RANGE)) throw new RangeError(`range() of more than ${MAX_RANGE}`);
  return Array.from({ length }, (_, i) => from + i * step);
}

// The time limit of node:vm holds for functions from outside too: the context isolates nothing, it only ends a render that takes too long.
const context = createContext({ render: undefined as (() => string) | undefined });
const call = new Script("render()");

function renderInTime(render: () => string): string {
  context.render = render;
  try {
    return call.runInContext(context, { timeout: RENDER_MS }) as string;
  } catch (error) {
    if (error instanceof AdapterError) throw error;
    const reason = (error as Error).message.slice(0, 200);
    throw new AdapterError("template_failed", `The model's chat template failed (${reason}). ${REMEDY}`, { cause: error });
  }
}

/** A noncharacter of Unicode, repeated until no message holds it. */
function unusedSeparator(messages: readonly TextMessage[]): string {
  let separator = "\uFDD0";
  while (messages.some(({ content }) => content.includes(separator))) separator += "\uFDD0";
  return separator;
}

function splitSpecialTokens(model: LlamaModel, content: string, separator: string): string {
  let text = content;
  for (const token of new Set(model.tokenize(content, true))) {
    const name = model.detokenize([token], true);
    const special = model.isSpecialToken(token) || looksSpecial(name);
    if (special && name.length > 1) text = text.replaceAll(name, name.slice(0, 1) + separator + name.slice(1));
  }
  return text;
}
