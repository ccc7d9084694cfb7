// What follows what in a syntax of calls.
import type { CallPart, CallSyntax } from "../../call-syntax.ts";

/** What samples of a template show of its syntax. */
export type FoundSyntax = Omit<CallSyntax, "special_tokens" | "lists_tools">;

type ValuePart = Extract<CallPart, { part: unknown }>;

export const isValue = (part: CallPart): part is ValuePart => typeof part === "object" && "part" in part;

export function textsOf(part: Exclude<CallPart, ValuePart>): readonly string[] {
  return typeof part === "string" ? [part] : part.one_of;
}

/** The texts that a call may begin with: its first part is always a text. */
export function headsOf({ call: [first] }: Pick<CallSyntax, "call">): readonly string[] {
  return first === undefined || isValue(first) ? [""] : textsOf(first);
}

/** What may stand behind a call: what begins a further one, and what ends all of them. */
export function endsOf(syntax: CallSyntax): [more: string[], last: string] {
  return [syntax.parallel ? headsOf(syntax).map((head) => syntax.between + head) : [], syntax.close];
}

/** What may stand behind the arguments of a call. */
export function behindArguments(syntax: CallSyntax): readonly string[] {
  const at = syntax.call.findIndex((part) => isValue(part) && part.part === "arguments");
  const behind = syntax.call[at + 1];
  return behind === undefined || isValue(behind) ? endsOf(syntax).flat() : textsOf(behind);
}
