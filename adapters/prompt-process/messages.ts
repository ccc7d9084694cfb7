// The messages and tools of a request as a template wants them: those of llama.cpp's chat route.
import type { ToolCall } from "../adapter.ts";
import type { PromptRequest } from "../prompts.ts";
import { argumentsObject } from "../shared/call-arguments.ts";
import { textOf } from "../shared/message-text.ts";
import { messagesRefused } from "./errors.ts";
import { type TextMessage, withPlainCalls } from "./plain-calls.ts";
import type { TemplateForms } from "./protocol.ts";
import type { TemplateValues } from "./template.ts";

type ChangeText = (text: string) => string;

/** `change` gets each text that the client wrote: contents, ids, names, arguments, definitions and values for the template. */
export function templateValues(
  { messages, tools, tool_choice, chat_template_kwargs }: PromptRequest,
  forms: TemplateForms,
  change: ChangeText,
): TemplateValues {
  const changed = messages.map((message): TextMessage => ({ ...message, content: change(textOf(message.content)) }));
  const texts = forms.calls ? changed : withPlainCalls(changed.map((message) => withChangedCalls(message, change)));
  return {
    messages: (forms.system ? texts : mergeSystem(texts)).map((message) => messageValue(message, forms, change)),
    ...toolValues(tools, tool_choice, change),
    ...(chat_template_kwargs && { kwargs: changeTexts(chat_template_kwargs, change) as Record<string, unknown> }),
  };
}

function withChangedCalls(message: TextMessage, change: ChangeText): TextMessage {
  const { tool_calls } = message;
  const changed = tool_calls?.map((call) => {
    const { name, arguments: written } = call.function;
    return { ...call, function: { name: change(name), arguments: change(written) } };
  });
  return { ...message, ...(changed && { tool_calls: changed }) };
}

/** A template without the role `system` has the first message's text in front of the next one. */
function mergeSystem(messages: TextMessage[]): TextMessage[] {
  const [first, second, ...others] = messages;
  if (first?.role !== "system") return messages;
  return second === undefined ? [] : [{ ...second, content: `${first.content}\n${second.content}` }, ...others];
}

function messageValue(
  { role, content, tool_calls, tool_call_id, name, reasoning_content }: TextMessage,
  { parts }: TemplateForms,
  change: ChangeText,
): object {
  return {
    role,
    content: parts ? [{ type: "text", text: content }] : content,
    ...(tool_calls && { tool_calls: tool_calls.map((call) => callValue(call, change)) }),
    ...(tool_call_id !== undefined && { tool_call_id: change(tool_call_id) }),
    ...(name !== undefined && { name: change(name) }),
    ...(reasoning_content !== undefined && { reasoning_content: change(reasoning_content) }),
  };
}

/** Many templates write arguments that are text as a text within a text, so they get an object. */
function callValue({ id, type, function: { name, arguments: written } }: ToolCall, change: ChangeText): object {
  return { id: change(id), type, function: { name: change(name), arguments: changeTexts(argumentsObject(written), change) } };
}

function toolValues(
  tools: PromptRequest["tools"],
  choice: PromptRequest["tool_choice"],
  change: ChangeText,
): Pick<TemplateValues, "tools"> {
  if (tools === undefined || tools.length === 0 || choice === "none") return {};
  const chosen = typeof choice === "object" ? tools.filter((tool) => tool.function.name === choice.name) : tools;
  return {
    tools: chosen.map(({ type, function: { name, description = "", parameters = {} } }) => {
      const described = { name: change(name), description: change(description), parameters: changeTexts(parameters, change) };
      return { type, function: described };
    }),
  };
}

/** The deepest that llama.cpp takes, less what is around a value. */
const DEEPEST = 200;
const INTEGERS = 2 ** 63;

/** Changes the texts and the keys of a JSON value, and writes numbers that llama.cpp does not know as texts. */
function changeTexts(value: unknown, change: ChangeText, depth = 0): unknown {
  if (depth > DEEPEST) throw messagesRefused(`something in them is nested more than ${DEEPEST} deep`);
  if (typeof value === "string") return change(value);
  if (typeof value === "number") return Math.abs(value) < INTEGERS ? value : String(value);
  if (Array.isArray(value)) return value.map((item) => changeTexts(item, change, depth + 1));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [change(key), changeTexts(item, change, depth + 1)]));
}
