// The rules of the arguments of all tools of a request, in which what they have in common stands once.
import { AdapterError, type Tool } from "../../adapter.ts";
import type { CallSyntax } from "../../call-syntax.ts";
import { placePath } from "../json-schema-grammar/schema/alternatives.ts";
import { type SchemaGrammars, schemaGrammars } from "../json-schema-grammar/schema-grammars.ts";
import { UnsupportedSchema } from "../json-schema-grammar/unsupported-schema.ts";
import { argumentNotation } from "./notations/argument-notation.ts";
import { parametersOf } from "./tool-parameters.ts";

export interface ArgumentGrammars {
  /** Lines of GBNF, whose names begin with `v-`. */
  rules: string;
  /** By the tools' order: the rule of the arguments. */
  roots: string[];
  /** The paths of what is passed over. */
  passed_over: string[];
}

/** `tools`: each with its place in the request. Throws `AdapterError` `unsupported_schema`, and `request_refused` where they are too long. */
export function argumentGrammars(syntax: CallSyntax, tools: readonly (readonly [place: number, tool: Tool])[]): ArgumentGrammars {
  const schemas = tools.map(([place, tool]) => ({ schema: schemaOf(place, tool), strict: tool.function.strict ?? false }));
  const { rules, values } = allGrammars(syntax, schemas, (index) => pathOf(tools[index]![0]));
  const passed_over = values.flatMap(({ passed_over }, index) =>
    passed_over.map((place) => `${pathOf(tools[index]![0])}#${placePath(place)}`),
  );
  return { rules, roots: values.map(({ root }) => root), passed_over };
}

function schemaOf(place: number, tool: Tool): object {
  try {
    return parametersOf(tool);
  } catch (error) {
    if (!(error instanceof UnsupportedSchema)) throw error;
    throw unsupported(error, pathOf(place));
  }
}

function allGrammars(
  syntax: CallSyntax,
  schemas: readonly { schema: object; strict: boolean }[],
  pathAt: (index: number) => string,
): SchemaGrammars {
  try {
    return schemaGrammars(schemas, { prefix: "v", notation: argumentNotation(syntax) }, (error, index) => {
      throw unsupported(error, pathAt(index));
    });
  } catch (error) {
    // What is left is what all of them are together.
    if (error instanceof UnsupportedSchema) throw tooLong(error);
    throw error;
  }
}

export function tooLong(cause?: UnsupportedSchema): AdapterError {
  const message = "The grammar of these tools is too long. Send fewer of them, or smaller schemas.";
  return new AdapterError("request_refused", message, { param: "tools", cause });
}

const pathOf = (place: number): string => `tools[${place}].function.parameters`;

const unsupported = (error: UnsupportedSchema, path: string): AdapterError =>
  new AdapterError("unsupported_schema", error.message, { param: path, cause: error });
