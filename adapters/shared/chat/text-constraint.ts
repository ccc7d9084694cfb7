// What the text of an answer has to be, as a grammar: JSON, JSON of a schema, a match of an expression, or one of some texts.
import { LRUCache } from "lru-cache";
import { AdapterError, type ChatRequest, type SchemaFailure } from "../../adapter.ts";
import { schemaFailure } from "../json-schema-grammar/schema-failure.ts";
import { placePath } from "../json-schema-grammar/schema/alternatives.ts";
import { schemaGrammar } from "../json-schema-grammar/schema-grammar.ts";
import { choiceGrammar, patternGrammar, type TextGrammar } from "../json-schema-grammar/text-grammars.ts";
import { UnsupportedSchema } from "../json-schema-grammar/unsupported-schema.ts";

export interface TextConstraint extends TextGrammar {
  /** The paths of keywords that are not enforced. */
  passed_over: readonly string[];
  /** What a finished text breaks; undefined where it breaks nothing. */
  failure(text: string): SchemaFailure | undefined;
}

type ResponseFormat = NonNullable<ChatRequest["response_format"]>;

/** Programs send the same schema with each request. In characters. */
const KNOWN = new LRUCache<string, TextConstraint>({
  maxSize: 16 * 1024 * 1024,
  sizeCalculation: ({ rules }, key) => rules.length + key.length,
});

const PREFIX = "text";
const ANY_OBJECT = { type: "object" };

/** Undefined where the text is free. Throws `AdapterError` `unsupported_schema`. */
export function textConstraint({ response_format }: Pick<ChatRequest, "response_format">): TextConstraint | undefined {
  if (response_format === undefined) return undefined;
  const key = JSON.stringify(response_format);
  const constraint = KNOWN.get(key) ?? constraintOf(response_format);
  KNOWN.set(key, constraint);
  return constraint;
}

function constraintOf(format: ResponseFormat): TextConstraint {
  const path = pathOf(format);
  return orUnsupported(path, () => {
    const free = { passed_over: [], failure: () => undefined };
    if (format.type === "regex") return { ...patternGrammar(format.regex, PREFIX), ...free };
    if (format.type === "choice") return { ...choiceGrammar(format.choice, PREFIX), ...free };
    const { schema, strict = false } = format.type === "json_object" ? { schema: ANY_OBJECT } : format.json_schema;
    const { rules, root, passed_over } = schemaGrammar(schema, { strict, prefix: PREFIX, named_only: true });
    const paths = passed_over.map((place) => `${path}#${placePath(place)}`);
    return { rules, root, passed_over: paths, failure: (text) => schemaFailure(schema, text, passed_over) };
  });
}

function pathOf({ type }: ResponseFormat): string {
  return type === "json_schema"
    ? "response_format.json_schema.schema"
    : type === "json_object"
      ? "response_format"
      : `response_format.${type}`;
}

/** Throws `AdapterError` where the other throws `UnsupportedSchema`. `path`: that of the schema in the request. */
function orUnsupported<Result>(path: string, make: () => Result): Result {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof UnsupportedSchema)) throw error;
    throw new AdapterError("unsupported_schema", error.message, { param: path, cause: error });
  }
}
