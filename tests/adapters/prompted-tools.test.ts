// Tools for templates that have no place for them: definitions, calls and answers in the messages themselves.
import { describe, expect, test } from "bun:test";
import type { ChatMessage, Tool } from "../../adapters/adapter.ts";
import { PROMPTED_SYNTAX } from "../../adapters/shared/tool-calls/prompted-syntax.ts";
import { withPromptedTools } from "../../adapters/shared/tool-calls/prompted-tools.ts";

const tool = (name: string, more: object = {}): Tool => ({ type: "function", function: { name, ...more } });
const weather = tool("get_weather", { description: "Of a city.", parameters: { type: "object", properties: { city: {} } } });
const clock = tool("clock");
const ask: ChatMessage = { role: "user", content: "How is Rome?" };
const call = (id: string, written: string) => ({
  id,
  type: "function" as const,
  function: { name: "get_weather", arguments: written },
});
const calling = (...written: string[]): ChatMessage => ({
  ...{ role: "assistant", content: "" },
  tool_calls: written.map((one, at) => call(`call_${at}`, one)),
});
const answer = (content: string): ChatMessage => ({ role: "tool", tool_call_id: "call_0", content });

const unknown = {};
const unlisted = { calls: PROMPTED_SYNTAX };

describe("for a template that knows no tools", () => {
  test("definitions are a system text that says how to call", () => {
    const request = withPromptedTools({ messages: [ask], tools: [weather, clock] }, unknown);
    expect(request).not.toHaveProperty("tools");
    expect(request.messages.slice(1)).toEqual([ask]);
    const { role, content } = request.messages[0]!;
    expect(role).toBe("system");
    expect(content).toContain('{"type":"function","function":{"name":"clock","description":"","parameters":{}}}\n</tools>');
    expect(content).toContain('{"city":{}}');
    expect(content).toContain('<tool_call>\n{"name": "NAME", "arguments": {"KEY": "VALUE"}}\n</tool_call>');
    expect(content).toContain("You may call functions");
  });

  test("they stand behind the client's own rule", () => {
    const { messages } = withPromptedTools(
      { messages: [{ role: "system", content: "Be brief." }, ask], tools: [clock] },
      unknown,
    );
    expect(messages.length).toBe(2);
    expect(messages[0]!.content).toStartWith("Be brief.\n\n# Tools\n");
  });

  test("the text is the same for each choice, so that it is read once", () => {
    const choose = (tool_choice: "none" | "required" | { name: string }) =>
      withPromptedTools({ messages: [ask], tools: [weather, clock], tool_choice, parallel_tool_calls: false }, unknown).messages;
    expect(choose("none")).toEqual([ask]);
    expect(choose("required")[0]!.content).toContain("Call only one function at a time.");
    expect(choose({ name: "clock" })).toEqual(choose("required"));
  });

  test("a request without tools stays as it is", () => {
    expect(withPromptedTools({ messages: [ask] }, unknown)).toEqual({ messages: [ask] });
    expect(withPromptedTools({ messages: [ask], tools: [] }, unknown)).toEqual({ messages: [ask] });
  });

  test("calls and answers are texts in the same syntax, answers and what follows them one message", () => {
    const history = [
      ask,
      calling('{"city": "Rome"}', "{}"),
      answer("sunny"),
      answer("rain"),
      { role: "user", content: "And?" } as const,
    ];
    const { messages } = withPromptedTools({ messages: history, tools: [weather] }, unknown);
    expect(messages.slice(2)).toEqual([
      {
        role: "assistant",
        content:
          '<tool_call>\n{"name": "get_weather", "arguments": {"city":"Rome"}}\n</tool_call>\n' +
          '<tool_call>\n{"name": "get_weather", "arguments": {}}\n</tool_call>',
      },
      {
        role: "user",
        content: "<tool_response>\nsunny\n</tool_response>\n<tool_response>\nrain\n</tool_response>\nAnd?",
      },
    ]);
  });

  test("arguments that are no JSON stay what the model said, an answer without its call an answer", () => {
    const { messages } = withPromptedTools({ messages: [answer("late"), calling("{city", "")], tool_choice: "none" }, unknown);
    expect(messages).toEqual([
      { role: "user", content: "<tool_response>\nlate\n</tool_response>" },
      {
        role: "assistant",
        content:
          '<tool_call>\n{"name": "get_weather", "arguments": {"raw":"{city"}}\n</tool_call>\n' +
          '<tool_call>\n{"name": "get_weather", "arguments": {}}\n</tool_call>',
      },
    ]);
  });
});

test("for a template that writes calls and lists no tools, the definitions alone are a system text", () => {
  const history = [ask, calling("{}"), answer("sunny")];
  const { messages, ...rest } = withPromptedTools({ messages: history, tools: [weather] }, unlisted);
  expect(rest).toEqual({});
  expect(messages.slice(1)).toEqual(history);
  expect(messages[0]!.content).toContain("get_weather");
  expect(messages[0]!.content).not.toContain("<tool_call>");
});

test("for a template that lists tools, nothing changes", () => {
  const request = { messages: [ask, calling("{}"), answer("sunny")], tools: [weather], tool_choice: "required" as const };
  expect(withPromptedTools(request, { calls: { ...PROMPTED_SYNTAX, lists_tools: true } })).toBe(request);
});
