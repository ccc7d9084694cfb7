// The items of a response's output, each with the events in which it comes.
import type { ChatEvent, TokenLogprob } from "../../../adapters/adapter.ts";
import { isObject, type JsonObject } from "../../support/json.ts";
import type { CallableTool } from "./callable-tools.ts";
import { createCustomInput } from "./custom-input.ts";
import type { OutputItem } from "./wire-form.ts";

/** An event that has no number yet. */
export interface ItemEvent extends JsonObject {
  type: string;
}

/** An item that is being generated. Its events are in OpenAI's order; what is yielded behind `close` is none of it. */
export interface OpenItem {
  /** `cut`: it ends in its middle. Answers with the item as it is then; undefined where nothing of it can be given. */
  close(cut: boolean): { item: OutputItem | undefined; events: ItemEvent[] };
}

export interface OpenText extends OpenItem {
  push(text: string, logprobs?: readonly TokenLogprob[]): ItemEvent;
}

export interface OpenCall extends OpenItem {
  push(text: string): ItemEvent[];
}

interface OpenedItem<Item> {
  item: Item;
  events: ItemEvent[];
}

const statusOf = (cut: boolean): string => (cut ? "incomplete" : "completed");

/** An item with one text, as it stands on the wire. */
interface TextForm {
  base: OutputItem;
  /** What the events of its text are called. */
  events: string;
  /** The part that holds the text. */
  part(text: string): object;
  /** What stands beside a text in its events: of a piece, and at the end of all pieces. */
  beside?(logprobs: readonly TokenLogprob[]): object;
  besideAll?(): object;
}

/** `index`: of the item in the output. */
export function openMessage(id: string, index: number): OpenedItem<OpenText> {
  const all: object[] = [];
  return openText(
    {
      base: { type: "message", id, role: "assistant" },
      events: "response.output_text",
      part: (text) => ({ type: "output_text", text, annotations: [], logprobs: [...all] }),
      beside(logprobs) {
        const odds = logprobs.map(wireLogprob);
        all.push(...odds);
        return { logprobs: odds };
      },
      besideAll: () => ({ logprobs: all }),
    },
    index,
  );
}

export function openReasoning(id: string, index: number): OpenedItem<OpenText> {
  const base = { type: "reasoning", id, summary: [] };
  return openText({ base, events: "response.reasoning_text", part: (text) => ({ type: "reasoning_text", text }) }, index);
}

function openText({ base, events, part, beside, besideAll }: TextForm, index: number): OpenedItem<OpenText> {
  const place = { item_id: base.id, output_index: index, content_index: 0 };
  let text = "";
  return {
    events: [
      { type: "response.output_item.added", output_index: index, item: { ...base, status: "in_progress", content: [] } },
      { type: "response.content_part.added", ...place, part: part("") },
    ],
    item: {
      push(piece, logprobs = []) {
        text += piece;
        return { type: `${events}.delta`, ...place, delta: piece, ...beside?.(logprobs) };
      },
      close(cut) {
        const whole = part(text);
        const item = { ...base, status: statusOf(cut), content: [whole] };
        return {
          item,
          events: [
            { type: `${events}.done`, ...place, text, ...besideAll?.() },
            { type: "response.content_part.done", ...place, part: whole },
            { type: "response.output_item.done", output_index: index, item },
          ],
        };
      },
    },
  };
}

function wireLogprob({ token, logprob, bytes, top_logprobs = [] }: TokenLogprob): object {
  return { token, logprob, bytes: bytes ?? [], top_logprobs: top_logprobs.map((one) => ({ ...one, bytes: one.bytes ?? [] })) };
}

type ToolCallStart = Extract<ChatEvent, { type: "tool_call" }>;

interface CallOptions {
  newId: (prefix: string) => string;
  /** That the model calls; undefined: another server has called what it was not told of. */
  tool: CallableTool | undefined;
  index: number;
}

export function openCall(
  { id, name = "" }: Pick<ToolCallStart, "id" | "name">,
  { newId, tool, index }: CallOptions,
): OpenedItem<OpenCall> {
  const call_id = id ?? newId("call_");
  const named = { call_id, name: tool?.name ?? name, ...(tool?.namespace !== undefined && { namespace: tool.namespace }) };
  if (tool === undefined || tool.type === "function") {
    const base = { type: "function_call", id: newId("fc_"), ...named };
    const events = "response.function_call_arguments";
    return openPieced({ base, field: "arguments", events, read: (piece) => piece }, index);
  }
  if (tool.type === "custom") {
    const base = { type: "custom_tool_call", id: newId("ctc_"), ...named };
    const events = "response.custom_tool_call_input";
    return openPieced({ base, field: "input", events, read: createCustomInput().push }, index);
  }
  return { item: openWhole(newId, { type: tool.type, call_id, index }), events: [] };
}

/** What a call whose text comes in pieces is on the wire. */
interface PiecedCall {
  base: OutputItem;
  /** The field that has its text, and what its events are called. */
  field: "arguments" | "input";
  events: string;
  /** What of the text comes with a piece of the model's. */
  read(piece: string): string;
}

function openPieced({ base, field, events, read }: PiecedCall, index: number): OpenedItem<OpenCall> {
  const place = { item_id: base.id, output_index: index };
  let text = "";
  return {
    events: [{ type: "response.output_item.added", output_index: index, item: { ...base, [field]: "", status: "in_progress" } }],
    item: {
      push(piece) {
        const delta = read(piece);
        text += delta;
        return delta === "" ? [] : [{ type: `${events}.delta`, ...place, delta }];
      },
      close(cut) {
        const item = { ...base, [field]: text, status: statusOf(cut) };
        return {
          item,
          events: [
            { type: `${events}.done`, ...place, [field]: text },
            { type: "response.output_item.done", output_index: index, item },
          ],
        };
      },
    },
  };
}

interface WholeCall {
  type: Exclude<CallableTool["type"], "function" | "custom">;
  call_id: string;
  index: number;
}

const PREFIXES = { local_shell: "lsh_", shell: "sh_", apply_patch: "apc_", tool_search: "tsc_" };

/** A call whose item has its arguments as fields: it comes when they are whole, and half of one is none. */
function openWhole(newId: (prefix: string) => string, { type, call_id, index }: WholeCall): OpenCall {
  let written = "";
  return {
    push(text) {
      written += text;
      return [];
    },
    close() {
      const sent = parsedObject(written);
      if (sent === undefined) return { item: undefined, events: [] };
      const base = { id: newId(PREFIXES[type]), type: `${type}_call`, call_id };
      const fields = fieldsOf(type, sent);
      const item = { ...base, ...fields, status: "completed" };
      const commands = type === "shell" ? (fields.action as { commands: string[] }).commands : [];
      return {
        item,
        events: [
          { type: "response.output_item.added", output_index: index, item: { ...item, status: "in_progress" } },
          ...commands.flatMap((command, command_index): ItemEvent[] => {
            const place = { output_index: index, command_index };
            return [
              { type: "response.shell_call_command.added", ...place, command: "" },
              { type: "response.shell_call_command.delta", ...place, delta: command },
              { type: "response.shell_call_command.done", ...place, command },
            ];
          }),
          { type: "response.output_item.done", output_index: index, item },
        ],
      };
    },
  };
}

function fieldsOf(type: WholeCall["type"], sent: JsonObject): JsonObject {
  if (type === "tool_search") return { arguments: sent, execution: "client" };
  if (type === "apply_patch") return { operation: sent.operation };
  if (type === "local_shell") return { action: { type: "exec", env: {}, ...sent } };
  const { commands, timeout_ms = null, max_output_length = null } = sent;
  return { action: { commands: commands ?? [], timeout_ms, max_output_length }, environment: { type: "local" } };
}

function parsedObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text === "" ? "{}" : text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
