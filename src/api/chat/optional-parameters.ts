// Parameters of a chat request that only some engines honour, or none here: no such parameter is dropped in silence.
import * as v from "valibot";
import type { Capability, ChatRequest } from "../../../adapters/adapter.ts";
import { SAMPLERS } from "../../../adapters/samplers.ts";
import { invalidValue } from "../../http/errors.ts";
import { validateWith } from "../../http/validate.ts";
import { codedMessage } from "../../support/coded-message.ts";

/** Whether a value changes nothing: then it passes with any engine. */
type Harmless = (value: unknown) => boolean;
function is(...values: unknown[]): Harmless {
  return (value) => values.includes(value);
}
const empty: Harmless = (value) => typeof value === "object" && Object.keys(value ?? {}).length === 0;
const never: Harmless = () => false;

const Tool = v.object({
  type: v.literal("function"),
  function: v.object({
    name: v.pipe(
      v.string(),
      v.regex(/^[A-Za-z0-9_-]{1,64}$/, codedMessage("invalid_value", "A function's name has 1 to 64 letters, digits, _ and -.")),
    ),
    description: v.optional(v.string()),
    parameters: v.optional(v.looseObject({})),
    strict: v.optional(v.boolean()),
  }),
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
      v.object({ type: v.literal("json_object") }),
      v.object({
        type: v.literal("json_schema"),
        json_schema: v.object({ name: v.pipe(v.string(), v.minLength(1)), schema: v.looseObject({}) }),
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

/** The value that turns a sampler off, of those that have one. */
const SAMPLERS_OFF: Partial<Record<string, unknown>> = {
  ...{ ignore_eos: false, typical_p: 1, top_n_sigma: -1, mirostat: 0, dynatemp_range: 0, xtc_probability: 0, dry_multiplier: 0 },
};

/** What an engine must be capable of to honour a parameter. */
const NEEDS = new Map<string, [Capability, Harmless]>([
  ["tools", ["tools", empty]],
  ["tool_choice", ["tools", is("none", "auto")]],
  ["parallel_tool_calls", ["tools", is(true, false)]],
  ["response_format", ["response_format", (value) => (value as { type?: unknown }).type === "text"]],
  ["grammar", ["grammar", never]],
  ["logprobs", ["logprobs", is(false)]],
  ["top_logprobs", ["logprobs", is(0)]],
  ["logit_bias", ["logit_bias", empty]],
  ...Object.keys(SAMPLERS).map((name): [string, [Capability, Harmless]] => [name, ["samplers", is(SAMPLERS_OFF[name])]]),
]);

// Parameters of OpenAI and llama.cpp that no engine here honours, with the values that change nothing.
const UNSUPPORTED = new Map<string, Harmless>([
  ["n", is(1)],
  ["functions", empty],
  ["function_call", is("none", "auto")],
  ["modalities", (value) => Array.isArray(value) && value.every((mode) => mode === "text")],
  ["store", is(false)],
  ["service_tier", is("auto", "default")],
  // The prefix cache is always on.
  ["cache_prompt", is(true)],
  ["n_probs", is(0)],
  ["lora", empty],
  ...[
    ...["audio", "prediction", "reasoning_effort", "verbosity", "web_search_options", "thinking", "json_schema", "n_predict"],
    ...["n_keep", "n_discard", "n_indent", "id_slot", "t_max_predict_ms", "chat_template", "chat_template_kwargs"],
    ...["reasoning_format", "return_progress"],
  ].map((name): [string, Harmless] => [name, never]),
]);

type OptionalParameters = Pick<
  ChatRequest,
  "tools" | "tool_choice" | "parallel_tool_calls" | "response_format" | "grammar" | "logprobs" | "logit_bias" | "samplers"
>;

/** Throws 400 `unsupported_parameter` for a parameter that the engine would drop, and 400 for values that mean nothing. */
export function readOptionalParameters(
  request: Record<string, unknown>,
  capabilities: readonly Capability[],
): OptionalParameters {
  const names = Object.keys(request).filter((name) => isToBeHonoured(name, request[name], capabilities));
  if (names.length === 0) return {};
  const parameters = validateWith(Parameters, Object.fromEntries(names.map((name) => [name, request[name]])));
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
    ...(Object.keys(samplers).length > 0 && { samplers }),
  };
}

/** False where the value changes nothing. Throws 400 where the engine cannot honour it. */
function isToBeHonoured(name: string, value: unknown, capabilities: readonly Capability[]): boolean {
  if (value === null || value === undefined) return false;
  const [needed, harmless = UNSUPPORTED.get(name)] = NEEDS.get(name) ?? [];
  if (harmless === undefined) return false;
  if (needed !== undefined && capabilities.includes(needed)) return true;
  if (harmless(value)) return false;
  throw invalidValue(`"${name}" is not supported by this model's engine. Leave it out.`, name, "unsupported_parameter");
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
