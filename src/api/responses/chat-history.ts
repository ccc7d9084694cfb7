// The items of a response's input as the messages of a chat: what an assistant thought, said and called in one go is one message.
import { ApiError, invalidValue } from "../../http/errors.ts";
import type { JsonObject } from "../../support/json.ts";
import { quote } from "../../support/quote.ts";
import { promptName, readTools, type CallableTools } from "./callable-tools.ts";
import type { ItemContent, InputItem, ItemPart } from "./input-items.ts";

/** Where the parts of a message stand in the request. */
export interface MessagePlace {
  item: string;
  content?: string;
  calls: string[];
}

export interface ChatHistory extends CallableTools {
  messages: JsonObject[];
  /** Of each message. */
  places: MessagePlace[];
  /** What items say of the request from there on; the last one counts. */
  effort?: { value: string; path: string };
  format?: { value: JsonObject; path: string };
}

interface AssistantMessage extends JsonObject {
  role: "assistant";
  content?: unknown;
  reasoning_content?: string;
  tool_calls?: object[];
}

/** Throws 400 and 404 for items that cannot be read here. */
export function readHistory(items: readonly InputItem[], path: string): ChatHistory {
  const history: ChatHistory = { messages: [], places: [], tools: [], ignored: [] };
  const { messages, places } = history;
  /** The call of each item of a shell: its output may name the item instead. */
  const call_ids = new Map<string, string>();
  /** The assistant's message that may still get a text and calls. */
  let open: { message: AssistantMessage; place: MessagePlace } | undefined;

  const add = (message: JsonObject, place: MessagePlace): void => {
    close();
    messages.push(message);
    places.push(place);
  };
  const close = (): void => {
    const { message, place } = open ?? {};
    open = undefined;
    // Thoughts of an answer that never came.
    if (message === undefined || message.content !== undefined || message.tool_calls !== undefined) return;
    messages.pop();
    places.pop();
    history.ignored.push(place!.item);
  };
  const assistant = (where: string): NonNullable<typeof open> => {
    if (open === undefined) {
      const begun = { message: { role: "assistant" as const }, place: { item: where, calls: [] } };
      add(begun.message, begun.place);
      open = begun;
    }
    return open;
  };
  const call = (where: string, id: string | null | undefined, name: string, text: unknown): void => {
    const { message, place } = assistant(where);
    (message.tool_calls ??= []).push({ id: id ?? "", type: "function", function: { name, arguments: text } });
    place.calls.push(where);
  };
  const answer = (where: string, call_id: string | null | undefined, content: unknown, name?: string | null): void =>
    add(
      { role: "tool", content, ...(call_id && { tool_call_id: call_id }), ...(name && { name }) },
      { item: where, content: `${where}.output`, calls: [] },
    );

  for (const [at, item] of items.entries()) {
    const where = `${path}[${at}]`;
    switch (item.type) {
      case "message": {
        const place = { item: where, content: `${where}.content`, calls: [] };
        if (item.role !== "assistant") {
          add({ role: item.role, content: toChatContent(item.content) }, place);
          break;
        }
        if (open?.message.content !== undefined || open?.message.tool_calls !== undefined) close();
        const { message, place: begun } = assistant(where);
        message.content = toChatContent(item.content);
        begun.content = place.content;
        break;
      }
      case "reasoning": {
        const text = thoughtsOf(item);
        if (open?.message.content !== undefined || open?.message.tool_calls !== undefined) close();
        if (text === "") break;
        const { message } = assistant(where);
        message.reasoning_content = (message.reasoning_content ?? "") + text;
        break;
      }
      case "function_call":
        call(where, item.call_id, promptName(item.name, item.namespace), item.arguments);
        break;
      case "custom_tool_call":
        call(where, item.call_id, promptName(item.name, item.namespace), JSON.stringify({ input: item.input }));
        break;
      case "local_shell_call": {
        const { type: _, ...action } = item.action;
        if (item.id) call_ids.set(item.id, item.call_id);
        call(where, item.call_id, "local_shell", JSON.stringify(action));
        break;
      }
      case "shell_call":
        call(where, item.call_id, "shell", JSON.stringify(item.action));
        break;
      case "apply_patch_call":
        call(where, item.call_id, "apply_patch", JSON.stringify({ operation: item.operation }));
        break;
      case "tool_search_call":
        call(where, item.call_id, "tool_search", JSON.stringify(item.arguments ?? {}));
        break;
      case "mcp_call":
        call(where, item.id, item.name, item.arguments);
        if (item.output != null) answer(where, item.id, item.output);
        break;
      case "function_call_output":
        answer(where, item.call_id, toChatContent(item.output), item.name);
        break;
      case "custom_tool_call_output":
        answer(where, item.call_id, toChatContent(item.output));
        break;
      case "local_shell_call_output":
        answer(where, call_ids.get(item.id) ?? item.id, item.output);
        break;
      case "shell_call_output":
        answer(where, item.call_id, JSON.stringify(item.output));
        break;
      case "apply_patch_call_output":
        answer(where, item.call_id, item.output ? `${item.status}: ${item.output}` : item.status);
        break;
      case "tool_search_output": {
        const found = readTools(item.tools, `${where}.tools`);
        history.tools.push(...found.tools);
        history.ignored.push(...found.ignored);
        answer(where, item.call_id, JSON.stringify(found.tools.map((tool) => tool.function.name)));
        break;
      }
      case "additional_tools": {
        const more = readTools(item.tools, `${where}.tools`);
        history.tools.push(...more.tools);
        history.ignored.push(...more.ignored);
        break;
      }
      case "configuration_update":
        if (item.reasoning?.effort != null) history.effort = { value: item.reasoning.effort, path: `${where}.reasoning.effort` };
        if (item.text != null) history.format = { value: item.text.format, path: `${where}.text.format` };
        break;
      case "item_reference":
        throw new ApiError(404, `There is no item ${quote(item.id)}: items are not kept here. Send the item itself.`, {
          ...{ code: "item_not_found", param: `${where}.id` },
        });
      case "compaction":
        throw invalidValue("This compaction was not written here and cannot be opened. Send the items instead.", where);
      default:
        history.ignored.push(where);
    }
  }
  close();
  return history;
}

function toChatContent(content: ItemContent): string | object[] {
  return typeof content === "string" ? content : content.map(toChatPart);
}

function toChatPart(part: ItemPart): object {
  if (part.type === "refusal") return { type: "refusal", refusal: part.refusal };
  if ("text" in part && typeof part.text === "string") return { type: "text", text: part.text };
  const { image_url: url, detail } = part as Extract<ItemPart, { image_url?: unknown }>;
  return { type: "image_url", image_url: { url, ...(detail != null && { detail }) } };
}

/** What it thought, else what it said of that. */
function thoughtsOf({ content, summary }: Extract<InputItem, { type: "reasoning" }>): string {
  const textOf = (texts: typeof content): string => (texts ?? []).map(({ text }) => text ?? "").join("\n");
  return textOf(content) || textOf(summary);
}
