// The rules of the arguments of tools.
import type { Tool } from "../../adapter.ts";
import type { ArgumentSyntax } from "../../call-syntax.ts";
import { entryRule } from "./entry-grammar.ts";
import { forTool, type GrammarParts } from "./grammar-parts.ts";
import { looseRule } from "./loose-grammar.ts";
import { parametersOf } from "./tool-parameters.ts";

/** `index`: the tool's place in the request. Throws `AdapterError` `unsupported_schema`. */
export function argumentRule(syntax: ArgumentSyntax, tool: Tool, index: number, parts: GrammarParts): string {
  return forTool(index, () => {
    const placed = { schema: parametersOf(tool), strict: tool.function.strict ?? false, tool: index, pointer: "" };
    if (syntax.style === "json") return parts.value(placed);
    return syntax.style === "entries" ? entryRule(syntax, placed, parts) : looseRule(syntax, placed, parts);
  });
}
