// What a request wants decisions about: a text, or a conversation with calls of tools and their outputs, as messages of a chat.
import * as v from "valibot";
import type { ChatMessage, ToolCall } from "../../../adapters/adapter.ts";
import { invalidValue } from "../../http/errors.ts";
import { codedMessage } from "../../support/coded-message.ts";
import { quote } from "../../support/quote.ts";
import { isObject } from "../../support/json.ts";
import { AssistantContent, InstructingContent, OutputContent, UserContent } from "./parts.ts";
import { object, variant, withExample } from "../objects.ts";

const MESSAGE = v.optional(v.literal("message"));

const EXAMPLE = { role: "user", content: "Hello" } as const;

const Message = withExample(
  variant("role", [
    object({ type: MESSAGE, role: v.literal("user"), content: UserContent }),
    object({ type: MESSAGE, role: v.literal("developer"), content: InstructingContent }),
    object({ type: MESSAGE, role: v.literal("system"), content: InstructingContent }),
    object({ type: MESSAGE, role: v.literal("assistant"), content: AssistantContent }),
  ]),
  EXAMPLE,
);

const Call = { call_id: v.string(), name: v.string(), namespace: v.nullish(v.string()) };
const Output = { call_id: v.string(), output: OutputContent };

const OTHERS = variant("type", [
  object({ type: v.literal("function_call"), ...Call, arguments: v.string() }),
  object({ type: v.literal("function_call_output"), ...Output }),
  object({ type: v.literal("custom_tool_call"), ...Call, input: v.string() }),
  object({ type: v.literal("custom_tool_call_output"), ...Output }),
]);

/** A message need not say that it is one. */
const Item = v.lazy((item) => (isObject(item) && item.type !== undefined && item.type !== "message" ? OTHERS : Message));
type Item = v.InferOutput<typeof Message> | v.InferOutput<typeof OTHERS>;

export const Input = v.union([
  v.pipe(v.string(), v.minLength(1)),
  v.pipe(
    withExample(v.array(Item), [EXAMPLE]),
    v.minLength(1),
    v.maxLength(100_000, codedMessage("too_many_items", "At most 100,000 items are allowed in the input. Send fewer.")),
  ),
]);
export type Input = v.InferOutput<typeof Input>;

/** The same for the reference: which of its forms an item has, a schema alone cannot look at. */
export const InputReference = v.union([v.string(), v.array(v.union([Message, OTHERS]))]);

/** Throws 400 for an output without its call, and for two calls of one id. */
export function inputMessages(input: Input): ChatMessage[] {
  if (typeof input === "string") return [{ role: "user", content: input }];
  const messages: ChatMessage[] = [];
  /** By call id: what the output of each call has as its type. */
  const outputs = new Map<string, string>();
  for (const [index, item] of (input as Item[]).entries()) {
    if ("role" in item) messages.push({ role: item.role === "developer" ? "system" : item.role, content: item.content });
    else if ("name" in item) {
      if (outputs.has(item.call_id)) throw invalidCallId(index, item.call_id, "is the id of two calls. Give each its own");
      outputs.set(item.call_id, `${item.type}_output`);
      addCall(messages, callOf(item));
    } else {
      if (outputs.get(item.call_id) !== item.type) throw invalidCallId(index, item.call_id, NO_CALL[item.type]);
      messages.push({ role: "tool", tool_call_id: item.call_id, content: item.output });
    }
  }
  return messages;
}

const NO_CALL = {
  function_call_output: "is the id of no function_call before it. Send the call, or leave its output out",
  custom_tool_call_output: "is the id of no custom_tool_call before it. Send the call, or leave its output out",
};

function invalidCallId(index: number, id: string, why: string): Error {
  return invalidValue(`"input[${index}].call_id": ${quote(id)} ${why}.`, `input[${index}].call_id`);
}

type CallItem = Extract<Item, { name: string }>;

/** A custom tool takes a text, which stands for the one argument of a function. */
function callOf(item: CallItem): ToolCall {
  const name = item.namespace ? `${item.namespace}.${item.name}` : item.name;
  const written = item.type === "function_call" ? item.arguments.trim() || "{}" : JSON.stringify({ input: item.input });
  return { id: item.call_id, type: "function", function: { name, arguments: written } };
}

/** Calls that follow each other, or a text of the assistant, are of one message. */
function addCall(messages: ChatMessage[], call: ToolCall): void {
  const last = messages.at(-1);
  if (last?.role === "assistant") last.tool_calls = [...(last.tool_calls ?? []), call];
  else messages.push({ role: "assistant", content: "", tool_calls: [call] });
}
