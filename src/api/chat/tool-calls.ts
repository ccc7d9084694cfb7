// Calls of tools on the wire: OpenAI's `tool_calls`, and the `function_call` that it had before.
import type { ChatEvent, ToolCall } from "../../../adapters/adapter.ts";

type ToolCallPiece = Extract<ChatEvent, { type: "tool_call" }>;
type NewId = (prefix: string) => string;

export function addToolCallPiece(calls: ToolCall[], { index, id, name, arguments: text }: ToolCallPiece, newId: NewId): void {
  const call = (calls[index] ??= { id: id ?? newId("call_"), type: "function", function: { name: "", arguments: "" } });
  call.function.name += name ?? "";
  call.function.arguments += text;
}

/** The fields of a whole message. The old form has no place for a second call. */
export function callFields(calls: ToolCall[], legacy: boolean): object {
  if (calls.length === 0) return {};
  return legacy ? { function_call: calls[0]!.function } : { tool_calls: calls };
}

/**
 * The fields of a chunk; undefined for a second call in the old form. The first piece of a call carries its id and its type, as OpenAI's does.
 * `begun`: the calls that had theirs.
 */
export function pieceFields(
  { index, id, name, arguments: text }: ToolCallPiece,
  { begun, newId, legacy_calls }: { begun: Set<number>; newId: NewId; legacy_calls: boolean },
): object | undefined {
  const first = !begun.has(index);
  begun.add(index);
  const called = { ...(name !== undefined && { name }), arguments: text };
  if (legacy_calls) return index === 0 ? { function_call: called } : undefined;
  return { tool_calls: [{ index, ...(first && { id: id ?? newId("call_"), type: "function" }), function: called }] };
}

export function finishReason(reason: "stop" | "length" | "tool_calls", legacy: boolean): string {
  return legacy && reason === "tool_calls" ? "function_call" : reason;
}
