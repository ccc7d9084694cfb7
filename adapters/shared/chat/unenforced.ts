// What an engine of shared/chat passes over of a request, found before its model is loaded.
import type { ChatRequest } from "../../adapter.ts";
import type { CallSyntax } from "../../call-syntax.ts";
import { callGrammar } from "../tool-calls/call-grammar.ts";
import { textConstraint } from "./text-constraint.ts";

/** The paths of keywords that are not enforced. `syntax`: in which the model calls tools. Throws `AdapterError` `unsupported_schema`. */
export function unenforcedKeywords(request: ChatRequest, syntax: CallSyntax): readonly string[] {
  const { tools = [], tool_choice, parallel_tool_calls } = request;
  const calls =
    tool_choice === "none" || tools.length === 0
      ? undefined
      : callGrammar(syntax, tools, { tool_choice, parallel_tool_calls, behind: "" });
  return [...(textConstraint(request)?.passed_over ?? []), ...(calls?.passed_over ?? [])];
}
