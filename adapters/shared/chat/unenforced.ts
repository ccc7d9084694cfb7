// What an engine of shared/chat passes over of a request, found before its model is loaded.
import type { ChatRequest } from "../../adapter.ts";
import { callGrammar } from "../tool-calls/call-grammar.ts";
import { PROMPTED_SYNTAX } from "../tool-calls/prompted-syntax.ts";
import { textConstraint } from "./text-constraint.ts";

/** The paths of keywords that are not enforced. Throws `AdapterError` `unsupported_schema`. */
export function unenforcedKeywords(request: ChatRequest): readonly string[] {
  const { tools = [], tool_choice, parallel_tool_calls } = request;
  const calls =
    tool_choice === "none" || tools.length === 0
      ? undefined
      : callGrammar(PROMPTED_SYNTAX, tools, { tool_choice, parallel_tool_calls, behind: "" });
  return [...(textConstraint(request)?.passed_over ?? []), ...(calls?.passed_over ?? [])];
}
