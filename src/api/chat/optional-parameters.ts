// Parameters of a chat request that only some engines honour, or none here: no such parameter is dropped in silence.
import * as v from "valibot";
import type { Capability, ChatRequest } from "../../../adapters/adapter.ts";
import type { Model } from "../../../models/manifest.ts";
import { invalidValue } from "../../http/errors.ts";
import { validateWith } from "../../http/validate.ts";
import { isFilled, type JsonObject } from "../../support/json.ts";
import { droppedFields } from "../generation/dropped-fields.ts";
import { droppedFormatFields } from "../generation/answer-format.ts";
import { OPTIONAL_FIELDS, readOptional } from "../generation/optional-parameters.ts";
import { sortParameters, type SortedParameters } from "../generation/parameters/sort.ts";
import { PARAMETERS } from "./parameters/list.ts";
import { readTools, ToolParameters } from "./tools.ts";
import { hidesThoughts, readSwitches, Switches, templateOf } from "./reasoning.ts";
import { object } from "../objects.ts";

export const OptionalParameterSchema = object({
  ...ToolParameters,
  ...OPTIONAL_FIELDS,
  logprobs: v.nullish(v.boolean()),
  top_logprobs: v.nullish(v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(20))),
});

type OptionalParameters = Pick<
  ChatRequest,
  | ("tools" | "tool_choice" | "parallel_tool_calls" | "response_format" | "grammar" | "logprobs" | "logit_bias" | "samplers")
  | ("choices" | "chat_template_kwargs" | "reasoning_budget" | "hints")
>;

/**
 * The parameters that the engine gets, and the names of those that are passed over. Throws 400 for those that it would drop. `max_tokens`: of
 * the answer. `hides_thoughts`: the client wants none of them.
 */
export function readOptionalParameters(
  request: JsonObject,
  model: Model,
  capabilities: readonly Capability[],
  max_tokens: number,
): { parameters: OptionalParameters; ignored: string[]; hides_thoughts: boolean } {
  const sorted = sortParameters(PARAMETERS, request, model, capabilities);
  const { parameters, ignored, hides_thoughts } = readSwitchesAndHints(sorted, model, max_tokens);
  const dropped = droppedBy(sorted.honoured, model.upstream !== undefined);
  return {
    parameters: { ...readHonoured(sorted.honoured, capabilities), ...parameters },
    ignored: [...ignored, ...dropped, ...sorted.unknown],
    hides_thoughts,
  };
}

const TOOL = { type: true, function: { name: true, description: true, parameters: true, strict: true } } as const;

function droppedBy({ tools, response_format }: JsonObject, elsewhere: boolean): string[] {
  return [...droppedFields("tools", tools, TOOL), ...droppedFormatFields(response_format, elsewhere)];
}

function readHonoured(asked: JsonObject, capabilities: readonly Capability[]): OptionalParameters {
  if (!isFilled(asked)) return {};
  const parameters = validateWith(OptionalParameterSchema, asked);
  const tools = readTools(parameters);
  return { ...tools, ...readOptional(parameters, tools, capabilities), ...readLogprobs(parameters) };
}

/** Another server knows its template and its hints itself. */
function readSwitchesAndHints(
  { switches, hints }: SortedParameters,
  model: Model,
  max_tokens: number,
): {
  parameters: Pick<OptionalParameters, "chat_template_kwargs" | "reasoning_budget" | "hints">;
  ignored: string[];
  hides_thoughts: boolean;
} {
  const read = validateWith(Switches, switches);
  const hides_thoughts = hidesThoughts(read);
  const all = { ...hints, ...switches };
  if (model.upstream !== undefined) return { parameters: isFilled(all) ? { hints: all } : {}, ignored: [], hides_thoughts };
  const { kwargs, ignored, ...bounds } = readSwitches(read, templateOf(model), max_tokens);
  const parameters = { ...(isFilled(kwargs) && { chat_template_kwargs: kwargs }), ...bounds };
  return { parameters, ignored: [...ignored, ...Object.keys(hints)], hides_thoughts };
}

function readLogprobs({
  logprobs,
  top_logprobs,
}: v.InferOutput<typeof OptionalParameterSchema>): Pick<OptionalParameters, "logprobs"> {
  if (top_logprobs && !logprobs) throw invalidValue('"top_logprobs" needs "logprobs": true.', "top_logprobs");
  return logprobs ? { logprobs: { top: top_logprobs ?? 0 } } : {};
}
