// Conversations as clients send them, of every shape that chat templates have rules about.
import type { JsonObject } from "../../src/support/json.ts";

export interface ConversationShape {
  messages: JsonObject[];
  tools?: object[];
  /** Why llama-server's prompt is no model for it, though it has to be taken here. */
  own_prompt?: string;
}

const say =
  (role: string) =>
  (content: unknown, more: object = {}): JsonObject => ({ role, content, ...more });
const [system, user, assistant] = [say("system"), say("user"), say("assistant")];
const tool = (id: string, content: string | null = "sunny", more: object = {}): JsonObject => ({
  ...{ role: "tool", tool_call_id: id, content },
  ...more,
});
const call = (id: string, written = '{"city":"Rome"}') => ({
  id,
  type: "function",
  function: { name: "get_weather", arguments: written },
});
const calling = (id: string, written?: string): JsonObject => assistant(null, { tool_calls: [call(id, written)] });
const text = (...texts: string[]) => texts.map((one) => ({ type: "text", text: one }));

const CITY = { type: "object", properties: { city: { type: "string", description: "Its name." } }, required: ["city"] };
const tools = [{ type: "function", function: { name: "get_weather", description: "Of a city.", parameters: CITY } }];

const [RULE, RULE2] = [system("S1 rule"), system("S2 rule")];
const [ASK, ASK2, ASK3] = [user("U1 ask"), user("U2 ask"), user("U3 ask")];
const [SAY, SAY2, BEGUN] = [assistant("A1 say"), assistant("A2 say"), assistant("P1 begin")];

/** Each text of a message has a name that is its own, such as `U1 ask`. */
export const TEXTS = /[SURAP]\d [a-z]+|sunny|rain|get_weather|Oslo|Rome/g;

export const SHAPES: Record<string, ConversationShape> = {
  "a question": { messages: [ASK] },
  "a rule": { messages: [RULE, ASK] },
  turns: { messages: [ASK, SAY, ASK2] },
  "turns under a rule": { messages: [RULE, ASK, SAY, ASK2] },
  "two rules": { messages: [RULE, RULE2, ASK] },
  "a rule amid turns": { messages: [ASK, SAY, RULE2, ASK2] },
  "a further rule amid turns": { messages: [RULE, ASK, SAY, RULE2, ASK2] },
  "a rule at the end": { messages: [ASK, RULE2] },
  "a further rule at the end": { messages: [RULE, ASK, RULE2] },
  "a rule alone": { messages: [RULE] },
  "two questions": { messages: [ASK, ASK2] },
  "two questions amid turns": { messages: [ASK, SAY, ASK2, ASK3] },
  "two answers": { messages: [ASK, SAY, SAY2, ASK2] },
  "the assistant first": { messages: [SAY, ASK] },
  "a rule and the assistant first": { messages: [RULE, SAY, ASK] },
  "a developer": { messages: [say("developer")("S1 rule"), ASK] },
  "an empty question": { messages: [user("")] },
  "an empty answer": { messages: [ASK, assistant(""), ASK2] },
  "an answer of null": { messages: [ASK, assistant(null), ASK2] },
  names: { messages: [user("U1 ask", { name: "ada" }), assistant("A1 say", { name: "bot" }), user("U2 ask", { name: "bob" })] },
  "parts of one message": { messages: [user(text("U1 ask", "U2 ask"))], own_prompt: "each part is a line here" },
  "a part": { messages: [user(text("U1 ask"))] },
  "parts everywhere": { messages: [system(text("S1 rule")), user(text("U1 ask")), assistant(text("A1 say")), ASK2] },
  thoughts: { messages: [ASK, assistant("A1 say", { reasoning_content: "R1 think" }), ASK2] },
  spaces: { messages: [system("  S1 rule \n"), user(" U1 ask \n"), assistant(" A1 say \n"), user("\nU2 ask\n")] },
  tools: { tools, messages: [ASK] },
  "tools under a rule": { tools, messages: [RULE, ASK] },
  "a call": { tools, messages: [ASK, calling("call_abc123def456"), tool("call_abc123def456")] },
  "a call of nine characters": { tools, messages: [ASK, calling("abcde1234"), tool("abcde1234")] },
  "a call long ago": { tools, messages: [RULE, ASK, calling("call_1"), tool("call_1"), SAY, ASK2] },
  "a question behind a call": { tools, messages: [ASK, calling("call_1"), tool("call_1"), ASK2] },
  "calls at once": {
    tools,
    messages: [
      ...[ASK, assistant(null, { tool_calls: [call("call_1"), call("call_2", '{"city":"Oslo"}')] })],
      ...[tool("call_1"), tool("call_2", "rain"), SAY, ASK2],
    ],
  },
  "one call after the other": {
    tools,
    messages: [ASK, calling("call_1"), tool("call_1"), calling("call_2", '{"city":"Oslo"}'), tool("call_2", "rain")],
  },
  "a call with a text": {
    tools,
    messages: [ASK, assistant("A1 say", { tool_calls: [call("call_1")] }), tool("call_1"), SAY2, ASK2],
  },
  "a call with a thought": {
    tools,
    messages: [ASK, { ...calling("call_1"), reasoning_content: "R1 think" }, tool("call_1")],
  },
  "a tool with a name": {
    tools,
    messages: [ASK, calling("call_1"), tool("call_1", "sunny", { name: "get_weather" }), SAY, ASK2],
  },
  "a tool that answers with JSON": { tools, messages: [ASK, calling("call_1"), tool("call_1", '{"sky":"sunny"}')] },
  "a call without tools": { messages: [ASK, calling("call_1"), tool("call_1"), SAY, ASK2] },
  "a call without arguments": { tools, messages: [ASK, calling("call_1", "{}"), tool("call_1")] },
  "a call without an id": {
    tools,
    messages: [ASK, assistant(null, { tool_calls: [{ ...call(""), id: undefined }] }), tool("call_1")],
  },
  "a call with an object": {
    tools,
    messages: [
      ASK,
      assistant(null, { tool_calls: [{ ...call("call_1"), function: { name: "get_weather", arguments: { city: "Rome" } } }] }),
      tool("call_1"),
    ],
  },
  "a tool without an answer": { tools, messages: [ASK, calling("call_1"), tool("call_1", null)] },
  "a call with an empty text": { tools, messages: [ASK, calling("call_1", ""), tool("call_1")] },
  "a call with half an object": { tools, messages: [ASK, calling("call_1", "{city"), tool("call_1")] },
  "an answer that was begun": { messages: [ASK, BEGUN] },
  "an answer that was begun amid turns": { messages: [RULE, ASK, SAY, ASK2, assistant("P1 begin  ")] },
  "an answer that was begun beside tools": { tools, messages: [ASK, BEGUN] },
  "an answer that was begun with a thought": { messages: [ASK, assistant("P1 begin", { reasoning_content: "R1 think" })] },
  "an answer that was begun behind a call": { tools, messages: [ASK, calling("call_1"), tool("call_1"), BEGUN] },
  "an answer that is a thought": {
    messages: [ASK, assistant("", { reasoning_content: "R1 think" })],
    own_prompt: "llama.cpp writes marks of thoughts for templates that have none",
  },
  "an answer that was begun with nothing": {
    messages: [ASK, assistant("")],
    own_prompt: "llama.cpp leaves out the template's beginning of an answer",
  },
  "an answer without a question": { messages: [BEGUN], own_prompt: "llama.cpp gives the template no messages" },
  "a call with an object in an object": {
    tools,
    messages: [ASK, calling("call_1", '{"city":"Rome","n":2,"deep":{"a":[1,true,null]}}'), tool("call_1")],
  },
};
