// Parameters of a chat request that only some engines honour, or none here: no such parameter is dropped in silence.
import * as v from "valibot";
import type { Capability, ChatRequest } from "../../../adapters/adapter.ts";
import { SAMPLERS } from "../../../adapters/samplers.ts";
import type { Model } from "../../../models/manifest.ts";
import { invalidValue } from "../../http/errors.ts";
import { validateWith } from "../../http/validate.ts";
import { codedMessage } from "../../support/coded-message.ts";
import { isObject, type JsonObject } from "../../support/json.ts";
import { quote } from "../../support/quote.ts";
import { droppedFields, type KeptFields } from "./dropped-fields.ts";
import { sortParameters, type SortedParameters } from "./parameters/sort.ts";
import { FormatParameters, readFormat } from "./answer-format.ts";
import { readTools, ToolParameters } from "./tools.ts";
import { hidesThoughts, readSwitches, Switches, templateOf } from "./reasoning.ts";

/** One prompt is read for all of them. */
const MOST_CHOICES = 8;

const TokenId = v.pipe(
  v.string(),
  v.regex(/^\d{1,10}$/, ({ input }) =>
    codedMessage("invalid_value", `"logit_bias" has the key ${quote(input)}. Its keys are ids of tokens, such as "42".`),
  ),
);
const Bias = v.pipe(v.number(), v.minValue(-100), v.maxValue(100));

/** llama.cpp's form of a bias: false is never, as -100 is. */
const BiasPairs = v.pipe(
  v.array(v.tuple([v.pipe(v.number(), v.safeInteger(), v.minValue(0)), v.union([Bias, v.literal(false)])])),
  v.transform((pairs) => Object.fromEntries(pairs.map(([id, bias]) => [String(id), bias === false ? -100 : bias]))),
);

const Parameters = v.object({
  ...ToolParameters,
  ...FormatParameters,
  n: v.nullish(v.pipe(v.number(), v.safeInteger(), v.minValue(1), v.maxValue(MOST_CHOICES))),
  logprobs: v.nullish(v.boolean()),
  top_logprobs: v.nullish(v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(20))),
  logit_bias: v.nullish(v.union([BiasPairs, v.record(TokenId, Bias)])),
  ...v.partial(v.object(SAMPLERS)).entries,
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
  const sorted = sortParameters(request, model, capabilities);
  const { parameters, ignored, hides_thoughts } = readSwitchesAndHints(sorted, model, max_tokens);
  const dropped = droppedBy(sorted.honoured, model.upstream !== undefined);
  return {
    parameters: { ...readHonoured(sorted.honoured, capabilities), ...parameters },
    ignored: [...ignored, ...dropped, ...sorted.unknown],
    hides_thoughts,
  };
}

const TOOL = { type: true, function: { name: true, description: true, parameters: true, strict: true } } as const;

/** What is kept of each type of format. The schema binds every engine; only another server may do more with its description. */
function formatFields(type: unknown, elsewhere: boolean): KeptFields {
  if (type === "regex" || type === "choice") return { type: true, [type]: true };
  if (type !== "json_schema") return { type: true };
  return { type: true, json_schema: { name: true, schema: true, strict: true, ...(elsewhere && { description: true }) } };
}

function droppedBy({ tools, response_format }: JsonObject, elsewhere: boolean): string[] {
  const kept = formatFields(isObject(response_format) && response_format.type, elsewhere);
  return [...droppedFields("tools", tools, TOOL), ...droppedFields("response_format", response_format, kept)];
}

const isFilled = (object: object): boolean => Object.keys(object).length > 0;

function readHonoured(asked: JsonObject, capabilities: readonly Capability[]): OptionalParameters {
  if (!isFilled(asked)) return {};
  const parameters = validateWith(Parameters, asked);
  const { logit_bias, n } = parameters;
  const tools = readTools(parameters);
  const samplers = Object.fromEntries(Object.entries(parameters).filter(([name]) => name in SAMPLERS));
  return {
    ...tools,
    ...readFormat(parameters, tools, capabilities),
    ...readLogprobs(parameters),
    ...(logit_bias && { logit_bias }),
    ...(isFilled(samplers) && { samplers }),
    ...(n != null && n > 1 && { choices: { count: n, at_once: 1 } }),
  };
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

function readLogprobs({ logprobs, top_logprobs }: v.InferOutput<typeof Parameters>): Pick<OptionalParameters, "logprobs"> {
  if (top_logprobs && !logprobs) throw invalidValue('"top_logprobs" needs "logprobs": true.', "top_logprobs");
  return logprobs ? { logprobs: { top: top_logprobs ?? 0 } } : {};
}
