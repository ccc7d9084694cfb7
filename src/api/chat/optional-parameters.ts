// Parameters of a chat request that only some engines honour, or none here: no such parameter is dropped in silence.
import * as v from "valibot";
import type { Capability, ChatRequest } from "../../../adapters/adapter.ts";
import { SAMPLERS } from "../../../adapters/samplers.ts";
import type { Model } from "../../../models/manifest.ts";
import { invalidValue } from "../../http/errors.ts";
import { validateWith } from "../../http/validate.ts";
import { codedMessage } from "../../support/coded-message.ts";
import { isObject, type JsonObject, withoutNulls } from "../../support/json.ts";
import { droppedFields, type KeptFields } from "./dropped-fields.ts";
import { sortParameters, type SortedParameters } from "./parameters/sort.ts";
import { Switches, templateOf, templateValues } from "./reasoning.ts";

const Tool = v.object({
  type: v.literal("function"),
  function: v.pipe(
    v.object({
      name: v.pipe(
        v.string(),
        v.regex(
          /^[A-Za-z0-9_-]{1,64}$/,
          codedMessage("invalid_value", "A function's name has 1 to 64 letters, digits, _ and -."),
        ),
      ),
      description: v.nullish(v.string()),
      parameters: v.nullish(v.looseObject({})),
      strict: v.nullish(v.boolean()),
    }),
    v.transform(withoutNulls),
  ),
});

const ToolChoice = v.union([
  v.picklist(["none", "auto", "required"]),
  v.pipe(
    v.object({ type: v.literal("function"), function: v.object({ name: v.string() }) }),
    v.transform(({ function: { name } }) => ({ name })),
  ),
]);

const Parameters = v.object({
  tools: v.nullish(v.pipe(v.array(Tool), v.maxLength(128))),
  tool_choice: v.nullish(ToolChoice),
  parallel_tool_calls: v.nullish(v.boolean()),
  response_format: v.nullish(
    v.variant("type", [
      v.object({ type: v.literal("text") }),
      v.pipe(
        v.object({ type: v.literal("json_object"), schema: v.nullish(v.looseObject({})) }),
        // llama.cpp's own form of a schema.
        v.transform(({ type, schema }) =>
          schema == null ? { type } : { type: "json_schema" as const, json_schema: { name: "schema", schema } },
        ),
      ),
      v.object({
        type: v.literal("json_schema"),
        json_schema: v.pipe(
          v.object({
            name: v.pipe(v.string(), v.minLength(1)),
            description: v.nullish(v.string()),
            schema: v.looseObject({}),
            strict: v.nullish(v.boolean()),
          }),
          v.transform(withoutNulls),
        ),
      }),
    ]),
  ),
  grammar: v.nullish(v.pipe(v.string(), v.minLength(1), v.maxLength(65_536))),
  logprobs: v.nullish(v.boolean()),
  top_logprobs: v.nullish(v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(20))),
  logit_bias: v.nullish(
    v.record(
      v.pipe(v.string(), v.regex(/^\d{1,10}$/, codedMessage("invalid_value", "Its keys are ids of tokens."))),
      v.pipe(v.number(), v.minValue(-100), v.maxValue(100)),
    ),
  ),
  ...v.partial(v.object(SAMPLERS)).entries,
});

type OptionalParameters = Pick<
  ChatRequest,
  | ("tools" | "tool_choice" | "parallel_tool_calls" | "response_format" | "grammar" | "logprobs" | "logit_bias" | "samplers")
  | ("chat_template_kwargs" | "hints")
>;

/** The parameters that the engine gets, and the names of those that are passed over. Throws 400 for those that it would drop. */
export function readOptionalParameters(
  request: JsonObject,
  model: Model,
  capabilities: readonly Capability[],
): { parameters: OptionalParameters; ignored: string[] } {
  const sorted = sortParameters(request, model, capabilities);
  const { parameters, ignored } = readSwitchesAndHints(sorted, model);
  const dropped = droppedBy(sorted.honoured, model.upstream !== undefined);
  return {
    parameters: { ...readHonoured(sorted.honoured), ...parameters },
    ignored: [...ignored, ...dropped, ...sorted.unknown],
  };
}

const TOOL = { type: true, function: { name: true, description: true, parameters: true, strict: true } } as const;

/** What is kept of each type of format. The schema binds every engine; only another server may do more with its description. */
function formatFields(type: unknown, elsewhere: boolean): KeptFields {
  if (type === "json_object") return { type: true, schema: true };
  if (type !== "json_schema") return { type: true };
  return { type: true, json_schema: { name: true, schema: true, strict: true, ...(elsewhere && { description: true }) } };
}

function droppedBy({ tools, response_format }: JsonObject, elsewhere: boolean): string[] {
  const kept = formatFields(isObject(response_format) && response_format.type, elsewhere);
  return [...droppedFields("tools", tools, TOOL), ...droppedFields("response_format", response_format, kept)];
}

const isFilled = (object: object): boolean => Object.keys(object).length > 0;

function readHonoured(asked: JsonObject): OptionalParameters {
  if (!isFilled(asked)) return {};
  const parameters = validateWith(Parameters, asked);
  const { grammar, logit_bias, parallel_tool_calls, response_format } = parameters;
  const samplers = Object.fromEntries(Object.entries(parameters).filter(([name]) => name in SAMPLERS));
  if (grammar && response_format)
    throw invalidValue('"grammar" and "response_format" are both given. One of them says what the answer looks like.', "grammar");
  return {
    ...readTools(parameters),
    ...(parallel_tool_calls != null && parameters.tools && { parallel_tool_calls }),
    ...(response_format && response_format.type !== "text" && { response_format }),
    ...(grammar && { grammar }),
    ...readLogprobs(parameters),
    ...(logit_bias && { logit_bias }),
    ...(isFilled(samplers) && { samplers }),
  };
}

/** Another server knows its template and its hints itself. */
function readSwitchesAndHints(
  { switches, hints }: SortedParameters,
  model: Model,
): { parameters: Pick<OptionalParameters, "chat_template_kwargs" | "hints">; ignored: string[] } {
  const read = validateWith(Switches, switches);
  const all = { ...hints, ...switches };
  if (model.upstream !== undefined) return { parameters: isFilled(all) ? { hints: all } : {}, ignored: [] };
  const { kwargs, ignored } = templateValues(read, templateOf(model));
  const parameters = isFilled(kwargs) ? { chat_template_kwargs: kwargs } : {};
  return { parameters, ignored: [...ignored, ...Object.keys(hints)] };
}

function readTools({ tools, tool_choice }: v.InferOutput<typeof Parameters>): Pick<OptionalParameters, "tools" | "tool_choice"> {
  if (!tools?.length) {
    if (tool_choice == null || tool_choice === "none" || tool_choice === "auto") return {};
    throw invalidValue('"tool_choice" needs "tools".', "tool_choice");
  }
  const names = tools.map(({ function: { name } }) => name);
  if (typeof tool_choice === "object" && tool_choice !== null && !names.includes(tool_choice.name))
    throw invalidValue(`"tool_choice" names a function that is not among the "tools".`, "tool_choice.function.name");
  return { tools: tools as OptionalParameters["tools"] & object, ...(tool_choice && { tool_choice }) };
}

function readLogprobs({ logprobs, top_logprobs }: v.InferOutput<typeof Parameters>): Pick<OptionalParameters, "logprobs"> {
  if (top_logprobs && !logprobs) throw invalidValue('"top_logprobs" needs "logprobs": true.', "top_logprobs");
  return logprobs ? { logprobs: { top: top_logprobs ?? 0 } } : {};
}
