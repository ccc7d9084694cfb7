// What may stand in the body of a chat request, and what is known but not to be had.
import * as v from "valibot";
import type { ChatMessage } from "../../adapters/adapter.ts";
import { ApiError } from "../errors.ts";
import { KeepAlive } from "../quantities.ts";
import { coded } from "../validate.ts";

const LONGEST_STOP = 1024;
const MOST_STOPS = 16;

const Part = v.object({ type: v.string(), text: v.optional(v.string()) });

const Content = v.union([
  v.string(),
  v.pipe(
    v.array(Part),
    v.check(
      (parts) => parts.every(({ type }) => type === "text"),
      coded("unsupported_content", "Only parts of type text can be read. Leave out the others."),
    ),
    v.check(
      (parts) => parts.every(({ text }) => text !== undefined),
      coded("missing_required_parameter", `A part of type text has no "text".`),
    ),
    v.transform((parts) => parts.map(({ text }) => text).join("\n")),
  ),
]);

const Message = v.pipe(
  v.object({
    role: v.picklist(["system", "developer", "user", "assistant", "tool"]),
    content: v.nullish(Content),
    tool_calls: v.optional(v.unknown()),
  }),
  v.rawTransform(({ dataset: { value }, addIssue, NEVER }): ChatMessage => {
    const { role, content, tool_calls } = value;
    const fault = (key: string, message: string): never => {
      addIssue({ message, path: [{ type: "object", origin: "value", input: value, key, value: undefined }] });
      return NEVER;
    };
    if (Array.isArray(tool_calls) && tool_calls.length > 0) {
      return fault("tool_calls", coded("unsupported_parameter", "Tools cannot be used yet. Leave out messages with tool calls."));
    }
    if (content == null)
      return fault("content", coded("missing_required_parameter", `"content" is missing. Add it to the message.`));
    return { role: role === "developer" ? "system" : role, content };
  }),
);

const between = (least: number, most: number) => v.nullish(v.pipe(v.number(), v.minValue(least), v.maxValue(most)));
const Count = v.nullish(v.pipe(v.number(), v.safeInteger(), v.minValue(1)));
const badStop = coded("invalid_value", `A stop sequence has 1 to ${LONGEST_STOP} characters.`);
const isStop = (text: string): boolean => text.length > 0 && text.length <= LONGEST_STOP;

/** Null stands for the default everywhere but in `model`; unknown fields pass and are looked at by `refuseUnsupported`. */
export const ChatCompletionRequest = v.looseObject({
  model: v.optional(v.pipe(v.string(), v.minLength(1))),
  messages: v.pipe(
    v.array(Message),
    v.minLength(1),
    v.maxLength(100_000, coded("too_many_messages", "At most 100,000 messages are allowed. Send fewer.")),
  ),
  stream: v.nullish(v.boolean()),
  stream_options: v.nullish(v.object({ include_usage: v.nullish(v.boolean()) })),
  max_tokens: Count,
  max_completion_tokens: Count,
  temperature: between(0, 2),
  top_p: between(0, 1),
  top_k: v.nullish(v.pipe(v.number(), v.safeInteger(), v.minValue(-1), v.maxValue(2 ** 31 - 1))),
  min_p: between(0, 1),
  repeat_penalty: between(0.01, 10),
  frequency_penalty: between(-2, 2),
  presence_penalty: between(-2, 2),
  seed: v.nullish(v.pipe(v.number(), v.safeInteger())),
  /** Out of seconds or "10m": how long the model stays loaded afterwards, in ms. */
  keep_alive: v.nullish(KeepAlive),
  stop: v.nullish(
    v.union([
      v.pipe(
        v.string(),
        v.check(isStop, badStop),
        v.transform((text) => [text]),
      ),
      v.pipe(
        v.array(v.unknown()),
        v.maxLength(MOST_STOPS),
        v.check(
          (stops) => stops.every((stop) => typeof stop === "string"),
          coded("invalid_type", "Every stop sequence must be a string."),
        ),
        v.transform((stops) => stops as string[]),
        v.check((stops) => stops.every(isStop), badStop),
      ),
    ]),
  ),
});
export type ChatCompletionRequest = v.InferOutput<typeof ChatCompletionRequest>;

type Harmless = (value: unknown) => boolean;
const is =
  (...values: unknown[]): Harmless =>
  (value) =>
    values.includes(value);
const empty: Harmless = (value) => typeof value === "object" && Object.keys(value ?? {}).length === 0;
const never: Harmless = () => false;

// Parameters of OpenAI and llama.cpp that no engine here honours, with the values that ask for nothing.
const UNSUPPORTED = new Map<string, Harmless>([
  ["n", is(1)],
  ["logprobs", is(false)],
  ["top_logprobs", is(0)],
  ["logit_bias", empty],
  ["response_format", (value) => (value as { type?: unknown }).type === "text"],
  ["tools", empty],
  ["tool_choice", is("none", "auto")],
  ["parallel_tool_calls", is(true, false)],
  ["functions", empty],
  ["function_call", is("none", "auto")],
  ["modalities", (value) => Array.isArray(value) && value.every((mode) => mode === "text")],
  ["store", is(false)],
  ["service_tier", is("auto", "default")],
  // Conversations are always kept ready for their next turn.
  ["cache_prompt", is(true)],
  ["repeat_last_n", never],
  ["ignore_eos", is(false)],
  ["mirostat", is(0)],
  ["dry_multiplier", is(0)],
  ["xtc_probability", is(0)],
  ["typical_p", is(1)],
  ["dynatemp_range", is(0)],
  ["top_n_sigma", is(-1)],
  ["n_probs", is(0)],
  ["lora", empty],
  ...[
    ...["audio", "prediction", "reasoning_effort", "verbosity", "web_search_options", "thinking"],
    ...[
      "grammar",
      "json_schema",
      "samplers",
      "min_keep",
      "n_predict",
      "n_keep",
      "n_discard",
      "n_indent",
      "id_slot",
      "t_max_predict_ms",
    ],
    ...["mirostat_tau", "mirostat_eta", "dry_base", "dry_allowed_length", "dry_penalty_last_n", "dry_sequence_breakers"],
    ...["xtc_threshold", "dynatemp_exponent", "chat_template", "chat_template_kwargs", "reasoning_format", "return_progress"],
  ].map((name): [string, Harmless] => [name, never]),
]);

/** Throws 400 `unsupported_parameter` for what would otherwise be dropped in silence. */
export function refuseUnsupported(request: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(request)) {
    const harmless = UNSUPPORTED.get(name);
    if (harmless === undefined || value === null || value === undefined || harmless(value)) continue;
    throw new ApiError(400, `"${name}" is not supported by this model's engine. Leave it out.`, {
      param: name,
      code: "unsupported_parameter",
    });
  }
}
