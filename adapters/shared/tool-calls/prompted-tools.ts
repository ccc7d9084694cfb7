// Tools in the messages themselves, for templates that have no place for them.
import type { ChatMessage, ChatRequest, ToolCall } from "../../adapter.ts";
import type { TemplateFacts } from "../../prompts.ts";
import { argumentsValue } from "../call-arguments.ts";
import { joinContents } from "../fit-messages/join-contents.ts";

type ToolRequest = Pick<ChatRequest, "messages" | "tools" | "tool_choice" | "parallel_tool_calls">;

/**
 * The request as `ModelPrompts.render` is to have it. Where the template does not list tools, their definitions are a system text; where the
 * way it writes calls is not known, either, so is `PROMPTED_SYNTAX`, in which the calls and answers of the conversation stand as well.
 */
export function withPromptedTools<Request extends ToolRequest>(
  request: Request,
  { calls }: Pick<TemplateFacts, "calls">,
): Omit<Request, "tools"> & Pick<ToolRequest, "tools"> {
  if (calls?.lists_tools) return request;
  const { tools: _, ...rest } = request;
  const messages = calls === undefined ? withWrittenCalls(request.messages) : request.messages;
  return { ...rest, messages: withSystemText(messages, toolsText(request, calls === undefined)) };
}

function withSystemText(messages: readonly ChatMessage[], text: string): ChatMessage[] {
  const [first, ...others] = messages;
  if (text === "") return [...messages];
  if (first?.role !== "system") return [{ role: "system", content: text }, ...messages];
  return [{ ...first, content: joinContents(first.content, `\n${text}`) }, ...others];
}

/**
 * `syntax`: says how a call is written, too. Empty where no tool may be called. Which calls must be made is not said, as the grammar holds that: the
 * next turn begins with the same text, whatever it asks for.
 */
function toolsText({ tools = [], tool_choice, parallel_tool_calls }: ToolRequest, syntax: boolean): string {
  if (tool_choice === "none" || tools.length === 0) return "";
  const definitions = tools.map(({ type, function: { name, description = "", parameters = {} } }) =>
    JSON.stringify({ type, function: { name, description, parameters } }),
  );
  return [
    "# Tools\n",
    `${MAY}${parallel_tool_calls === false ? ` ${ONE}` : ""} The functions are:\n<tools>`,
    ...definitions,
    `</tools>${syntax ? `\n\n${SYNTAX}` : ""}`,
  ].join("\n");
}

const MAY = "You may call functions to answer the user; where none is of help, answer in words.";
const ONE = "Call only one function at a time.";
const SYNTAX = `To call a function, write its name and its arguments as JSON within <tool_call></tool_call>:
<tool_call>
{"name": "NAME", "arguments": {"KEY": "VALUE"}}
</tool_call>
What it answers comes within <tool_response></tool_response>.`;

/** A call is a part of the assistant's text, and what tools have answered is a user's. */
function withWrittenCalls(messages: readonly ChatMessage[]): ChatMessage[] {
  const written: ChatMessage[] = [];
  let after_answer = false;
  for (const message of messages) {
    const { role, content: said, tool_calls, tool_call_id: _, ...rest } = message;
    const answer = role === "tool";
    const content = answer
      ? joinContents(joinContents("<tool_response>", said), "</tool_response>")
      : joinContents(said, (tool_calls ?? []).map(callText).join("\n"));
    const last = written.at(-1);
    // Many templates want the roles in turns.
    if (after_answer && (answer || role === "user") && last !== undefined) last.content = joinContents(last.content, content);
    else written.push({ ...rest, role: answer ? "user" : role, content });
    after_answer = answer || (after_answer && role === "user");
  }
  return written;
}

function callText({ function: { name, arguments: written } }: ToolCall): string {
  const value = argumentsValue(written, { object_arguments: true, text_arguments: false, flat_arguments: false });
  return `<tool_call>\n{"name": ${JSON.stringify(name)}, "arguments": ${JSON.stringify(value)}}\n</tool_call>`;
}
