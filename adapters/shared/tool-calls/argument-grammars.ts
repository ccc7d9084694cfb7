// The grammars of the arguments of tools.
import { AdapterError, type Tool } from "../../adapter.ts";
import type { CallSyntax } from "../../call-syntax.ts";
import { type SchemaGrammar, schemaGrammar } from "../json-schema-grammar/schema-grammar.ts";
import { UnsupportedSchema } from "../json-schema-grammar/unsupported-schema.ts";
import { entryGrammar } from "./entry-grammar.ts";
import { looseGrammar } from "./loose-grammar.ts";
import { parametersOf } from "./tool-parameters.ts";

export interface ArgumentGrammars {
  lines: string[];
  /** By the tools' order. */
  values: { root: string; passed_over: string[] }[];
}

/** `index`: a tool's place in the request. Throws `AdapterError` `unsupported_schema`. */
export function argumentGrammars(syntax: CallSyntax, tools: readonly { tool: Tool; index: number }[]): ArgumentGrammars {
  const lines: string[] = [];
  const values = tools.map(({ tool, index }) => {
    const path = `tools[${index}].function.parameters`;
    const { rules, root, passed_over } = orUnsupported(path, () => grammarOf(syntax, tool, `call-t${index}`));
    lines.push(...rules.split("\n"));
    return { root, passed_over: passed_over.map(({ pointer, keyword }) => `${path}#${pointer}/${keyword}`) };
  });
  return { lines, values };
}

function grammarOf(syntax: CallSyntax, tool: Tool, prefix: string): SchemaGrammar {
  const schema = parametersOf(tool);
  const { strict = false } = tool.function;
  const form = syntax.arguments;
  if (form.style === "json") return schemaGrammar(schema, { strict, prefix });
  if (form.style === "entries") return entryGrammar(form, schema, { strict, prefix });
  return looseGrammar(form, schema, { strict, prefix });
}

function orUnsupported<Result>(path: string, make: () => Result): Result {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof UnsupportedSchema)) throw error;
    throw new AdapterError("unsupported_schema", error.message, { param: path, cause: error });
  }
}
