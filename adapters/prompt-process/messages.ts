// The messages and tools of a request as a template wants them: those of llama.cpp's chat route.
import type { ChatMessage, ToolCall } from "../adapter.ts";
import type { PromptRequest, TemplateForms } from "../prompts.ts";
import { argumentsValue } from "../shared/call-arguments.ts";
import { fitMessages } from "../shared/fit-messages/fit-messages.ts";
import { textOf } from "../shared/message-text.ts";
import { messagesRefused } from "./errors.ts";
import type { TemplateValues } from "./template.ts";

export type ChangeText = (text: string) => string;

/** `change` gets each text that the client wrote: contents, ids, names, arguments, definitions and values for the template. */
export function templateValues(
  { messages, tools, tool_choice, chat_template_kwargs }: PromptRequest,
  forms: TemplateForms,
  change: ChangeText,
): TemplateValues {
  return {
    messages: fitMessages(messages, forms).map((message) => messageValue(message, forms, change)),
    ...toolValues(tools, tool_choice, change),
    ...(chat_template_kwargs && { kwargs: changeTexts(chat_template_kwargs, change) as Record<string, unknown> }),
  };
}

function messageValue(
  { role, content, tool_calls, tool_call_id, name, reasoning_content }: ChatMessage,
  forms: TemplateForms,
  change: ChangeText,
): object {
  const text = change(textOf(content));
  const silent = forms.null_content && tool_calls !== undefined && text === "";
  const message = {
    role,
    content: silent ? null : forms.parts ? [{ type: "text", text }] : text,
    ...(tool_calls && { tool_calls: tool_calls.map((call) => callValue(call, forms, change)) }),
    ...(tool_call_id !== undefined && { tool_call_id: change(tool_call_id) }),
    ...(name !== undefined && { name: change(name) }),
  };
  return reasoning_content === undefined ? message : withThoughts(message, change(reasoning_content), forms.thoughts);
}

interface MessageValue {
  content?: string | object[] | null;
  tool_calls?: object[];
}

export function withThoughts(message: MessageValue, thoughts: string, form: TemplateForms["thoughts"]): object {
  const { content, ...rest } = message;
  if (form === "reasoning_content") return { ...message, reasoning_content: thoughts };
  if (form === "part") {
    const parts = typeof content === "string" ? [{ type: "text", text: content }] : (content ?? []);
    return { ...rest, content: [{ type: "thinking", thinking: thoughts }, ...parts] };
  }
  // The template of gpt-oss refuses thoughts beside a text of a message with calls.
  if (message.tool_calls === undefined) return { ...message, thinking: thoughts };
  return content?.length === 0 ? { ...rest, thinking: thoughts } : message;
}

function callValue(
  { id, type, function: { name, arguments: written } }: ToolCall,
  forms: TemplateForms,
  change: ChangeText,
): object {
  const called = { name: change(name), arguments: changeTexts(argumentsValue(written, forms), change) };
  return { ...(id !== "" && { id: change(id) }), type, function: called };
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
