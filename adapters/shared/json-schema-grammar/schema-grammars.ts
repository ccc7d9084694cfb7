// Grammars of many schemas at once, as the tools of a request are.
import { JSON_NOTATION } from "./emit/json-notation.ts";
import type { Notation } from "./emit/emitter.ts";
import { createValueEmitter } from "./emit/value.ts";
import type { KeywordPlace } from "./schema/alternatives.ts";
import { openSchema, printGrammar, rethrow, type SchemaGrammarOptions, withinLimits } from "./schema-grammar.ts";
import { UnsupportedSchema } from "./unsupported-schema.ts";

export interface SchemaGrammars {
  /** Lines of GBNF for all of them: what they have in common stands once. */
  rules: string;
  /** By the schemas' order: the rule of the value, and what is passed over. */
  values: { root: string; passed_over: KeywordPlace[] }[];
}

export interface SchemaGrammarsOptions extends Omit<SchemaGrammarOptions, "strict"> {
  /** How the values are written: absent, as JSON. */
  notation?: Notation;
}

/** Throws as `schemaGrammar`; `onError` may name the schema that is at fault, and throws. */
export function schemaGrammars(
  schemas: readonly { schema: unknown; strict: boolean }[],
  { prefix, named_only, notation = JSON_NOTATION }: SchemaGrammarsOptions,
  onError: (error: UnsupportedSchema, index: number) => never = rethrow,
): SchemaGrammars {
  const emitter = createValueEmitter(schemas.length);
  const roots = schemas.map(({ schema, strict }, index) => {
    try {
      return withinLimits(() => {
        const opened = openSchema(schema, { strict, ...(named_only !== undefined && { named_only }) });
        const root = emitter.emit(opened.reader, [opened.document.root], { notation, named_only: opened.named_only });
        return { opened, root };
      });
    } catch (error) {
      if (error instanceof UnsupportedSchema) return onError(error, index);
      throw error;
    }
  });
  const printed = printGrammar(emitter, roots, prefix, onError);
  return {
    rules: printed.rules,
    values: roots.map(({ opened }, index) => ({ root: printed.roots[index]!, passed_over: [...opened.passed_over.values()] })),
  };
}
