// What the text of an answer has to look like: JSON, JSON of a schema, a match of an expression, one of some texts, or a grammar's.
import * as v from "valibot";
import type { Capability, ChatRequest } from "../../../adapters/adapter.ts";
import { invalidValue } from "../../http/errors.ts";
import { codedMessage } from "../../support/coded-message.ts";
import { isObject, jsonBytes, withoutNulls } from "../../support/json.ts";
import { droppedFields, type KeptFields } from "./dropped-fields.ts";
import { looseObject, object, variant, withExample } from "../objects.ts";

/** Bytes of one schema, and characters of the texts of one choice. */
const LONGEST_SCHEMA = 256 * 1024;
const LONGEST_GRAMMAR = 65_536;

/** Whether it can be enforced is the engine's to say. */
export const JsonSchema = v.pipe(
  looseObject({}),
  v.check(
    (schema) => jsonBytes(schema) <= LONGEST_SCHEMA,
    codedMessage("invalid_value", "A schema has at most 256 KiB as JSON. Send a smaller one."),
  ),
);

const Text = v.pipe(v.string(), v.minLength(1), v.maxLength(LONGEST_GRAMMAR));

const Format = withExample(
  variant("type", [
    object({ type: v.literal("text") }),
    object({ type: v.literal("regex"), regex: Text }),
    object({
      type: v.literal("choice"),
      choice: v.pipe(
        v.array(v.pipe(v.string(), v.minLength(1))),
        v.minLength(1),
        v.check(
          (texts) => texts.reduce((sum, { length }) => sum + length, 0) <= LONGEST_SCHEMA,
          codedMessage("invalid_value", `The texts have more than ${LONGEST_SCHEMA} characters. Send fewer.`),
        ),
      ),
    }),
    object({ type: v.literal("json_object") }),
    object({
      type: v.literal("json_schema"),
      json_schema: v.pipe(
        object({
          name: v.pipe(v.string(), v.minLength(1)),
          description: v.nullish(v.string()),
          schema: JsonSchema,
          strict: v.nullish(v.boolean()),
        }),
        v.transform(withoutNulls),
      ),
    }),
  ]),
  { type: "json_object" },
);

export const FormatParameters = { response_format: v.nullish(Format), grammar: v.nullish(Text) };
type FormatParameters = v.InferOutput<v.ObjectSchema<typeof FormatParameters, undefined>>;

/** Throws 400 where two parameters say what the text looks like, and where the engine knows no such form. */
export function readFormat(
  { response_format, grammar }: FormatParameters,
  { tools, tool_choice }: Pick<ChatRequest, "tools" | "tool_choice">,
  capabilities: readonly Capability[],
): Pick<ChatRequest, "response_format" | "grammar"> {
  const format = response_format == null || response_format.type === "text" ? undefined : response_format;
  if (grammar && format) throw bothGiven("response_format");
  if (grammar && tools !== undefined && tool_choice !== "none") throw bothGiven("tools");
  const is_pattern = format?.type === "regex" || format?.type === "choice";
  if (is_pattern && !capabilities.includes("patterns")) {
    const what = `"response_format" asks for a text of type ${format.type}`;
    const message = `${what}, which this model's engine does not support. Leave it out.`;
    throw invalidValue(message, "response_format", "unsupported_parameter");
  }
  return { ...(format && { response_format: format }), ...(grammar && { grammar }) };
}

function bothGiven(other: string): Error {
  return invalidValue(`"grammar" and "${other}" are both given, and one of them can hold. Leave one out.`, "grammar");
}

/** The paths of fields that ask for something and are passed over. `elsewhere`: another server runs the model. */
export function droppedFormatFields(format: unknown, elsewhere: boolean): string[] {
  return droppedFields("response_format", format, formatFields(isObject(format) && format.type, elsewhere));
}

/** What is kept of each type of format. The schema binds every engine; only another server may do more with its description. */
function formatFields(type: unknown, elsewhere: boolean): KeptFields {
  if (type === "regex" || type === "choice") return { type: true, [type]: true };
  if (type !== "json_schema") return { type: true };
  return { type: true, json_schema: { name: true, schema: true, strict: true, ...(elsewhere && { description: true }) } };
}
