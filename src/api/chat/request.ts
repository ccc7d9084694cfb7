// The body of a chat request, as far as every engine honours it, and the request that an engine gets because of it.
import * as v from "valibot";
import type { Capability, ChatRequest, Unasked } from "../../../adapters/adapter.ts";
import type { Model } from "../../../models/manifest.ts";
import { KeepAlive } from "../../support/quantities.ts";
import { invalidValue } from "../../http/errors.ts";
import { codedMessage } from "../../support/coded-message.ts";
import { CHAT_DEFAULTS } from "./defaults.ts";
import { readContinuation } from "./continuation.ts";
import { readOptionalParameters } from "./optional-parameters.ts";
import { imageDetails, Message, refuseUnsupportedMessages } from "./messages.ts";

const LONGEST_STOP = 1024;

const between = (least: number, most: number) => v.nullish(v.pipe(v.number(), v.minValue(least), v.maxValue(most)));
const invalidStop = codedMessage("invalid_value", `A stop sequence has at most ${LONGEST_STOP} characters.`);
const isStop = (text: string): boolean => text.length <= LONGEST_STOP;
const withoutEmpty = (stops: string[]): string[] => stops.filter((stop) => stop !== "");

/** Tokens of an answer, or one of the values that are no bound but the context. */
const maxTokens = (...unbounded: number[]) =>
  v.nullish(
    v.pipe(
      v.number(),
      v.safeInteger(),
      v.check(
        (count) => count >= 1 || unbounded.includes(count),
        ({ input }) =>
          codedMessage(
            "invalid_value",
            `An answer of ${input} tokens is asked for. Ask for 1 or more, or for -1: no bound but the context.`,
          ),
      ),
    ),
  );
const MaxTokens = maxTokens(-1);
const RepeatPenalty = between(0.01, 10);
const Seed = v.nullish(v.pipe(v.number(), v.safeInteger()));

/** Null stands for the default; fields that are not here pass, for optional-parameters.ts. */
export const ChatCompletionRequest = v.looseObject({
  model: v.nullish(v.pipe(v.string(), v.minLength(1))),
  messages: v.pipe(
    v.array(Message),
    v.minLength(1),
    v.maxLength(100_000, codedMessage("too_many_messages", "At most 100,000 messages are allowed. Send fewer.")),
  ),
  stream: v.nullish(v.boolean()),
  stream_options: v.nullish(v.looseObject({ include_usage: v.nullish(v.boolean()) })),
  max_tokens: MaxTokens,
  max_completion_tokens: MaxTokens,
  n_predict: MaxTokens,
  num_predict: maxTokens(-1, -2),
  max_new_tokens: MaxTokens,
  temperature: between(0, 2),
  top_p: between(0, 1),
  top_k: v.nullish(v.pipe(v.number(), v.safeInteger(), v.minValue(-1), v.maxValue(2 ** 31 - 1))),
  min_p: between(0, 1),
  repeat_penalty: RepeatPenalty,
  repetition_penalty: RepeatPenalty,
  frequency_penalty: between(-2, 2),
  presence_penalty: between(-2, 2),
  seed: Seed,
  random_seed: Seed,
  /** How long the model stays loaded afterwards: seconds or "10m", here in ms. */
  keep_alive: v.nullish(KeepAlive),
  ttl: v.nullish(KeepAlive),
  usage: v.nullish(v.looseObject({ include: v.nullish(v.boolean()) })),
  cache_prompt: v.nullish(v.boolean()),
  continue_final_message: v.nullish(v.boolean()),
  add_generation_prompt: v.nullish(v.boolean()),
  stop: v.nullish(
    v.union([
      v.pipe(
        v.string(),
        v.check(isStop, invalidStop),
        v.transform((text) => withoutEmpty([text])),
      ),
      v.pipe(
        v.array(v.unknown()),
        v.maxLength(64),
        v.check(
          (stops) => stops.every((stop) => typeof stop === "string"),
          codedMessage("invalid_type", "Every stop sequence must be a string."),
        ),
        v.transform((stops) => stops as string[]),
        v.check((stops) => stops.every(isStop), invalidStop),
        v.transform(withoutEmpty),
      ),
    ]),
  ),
});
export type ChatCompletionRequest = v.InferOutput<typeof ChatCompletionRequest>;

/**
 * Values of the request, else of the model, else the document's defaults; the names of the fields that are passed over; and whether thoughts
 * stay here. Throws 400 for fields that the engine would drop. `request`: `respell` has been over it.
 */
export function toChatRequest(
  request: ChatCompletionRequest,
  model: Model,
  capabilities: readonly Capability[],
  newSeed: () => number,
): { chat: Omit<ChatRequest, "cache_scope">; ignored: string[]; hides_thoughts: boolean } {
  refuseUnsupportedMessages(request.messages, capabilities);
  const defaults = { ...CHAT_DEFAULTS, ...model.parameters };
  const asked_tokens = request.max_completion_tokens ?? valueOf(request, "max_tokens");
  const is_unbounded = asked_tokens != null && asked_tokens < 0;
  const seed = valueOf(request, "seed");
  const given = {
    max_tokens: is_unbounded ? undefined : (asked_tokens ?? model.parameters.max_tokens),
    temperature: request.temperature ?? model.parameters.temperature,
    top_p: request.top_p ?? model.parameters.top_p,
    top_k: request.top_k ?? undefined,
    min_p: request.min_p ?? undefined,
    repeat_penalty: valueOf(request, "repeat_penalty") ?? undefined,
    // llama.cpp takes -1 for a random seed.
    seed: seed == null || seed === -1 ? undefined : Number(BigInt.asUintN(32, BigInt(seed))),
  } satisfies Record<Unasked, number | undefined>;
  const { temperature = defaults.temperature, top_p = defaults.top_p, top_k = 40 } = given;
  const continued = readContinuation(request);
  const max_tokens = given.max_tokens ?? (is_unbounded ? UNBOUNDED : defaults.max_tokens);
  const { parameters, ignored, hides_thoughts } = readOptionalParameters(request, model, capabilities, max_tokens);
  const chat = {
    messages: request.messages,
    max_tokens,
    temperature,
    top_p,
    top_k: Math.max(0, top_k),
    min_p: given.min_p ?? 0,
    repeat_penalty: given.repeat_penalty ?? 1,
    frequency_penalty: request.frequency_penalty ?? defaults.frequency_penalty,
    presence_penalty: request.presence_penalty ?? defaults.presence_penalty,
    stop: request.stop ?? defaults.stop,
    seed: given.seed ?? newSeed(),
    repeatable: given.seed !== undefined || temperature === 0 || top_p === 0,
    unasked: (Object.keys(given) as Unasked[]).filter((name) => given[name] === undefined),
    ...(continued !== undefined && { continue_final_message: continued }),
    ...(request.cache_prompt === false && { cache_prompt: false }),
    ...parameters,
  };
  const details = model.upstream === undefined ? imageDetails(request.messages) : [];
  return { chat, ignored: [...details, ...ignored], hides_thoughts };
}

/** Tokens that no context holds. */
const UNBOUNDED = 2 ** 31 - 1;

/** Parameters that other APIs have by other names. */
const OTHER_NAMES = {
  max_tokens: ["n_predict", "num_predict", "max_new_tokens"],
  repeat_penalty: ["repetition_penalty"],
  seed: ["random_seed"],
  keep_alive: ["ttl"],
} as const;

/** The value under any of its names. Throws 400 where two of them differ. */
export function valueOf(request: ChatCompletionRequest, name: keyof typeof OTHER_NAMES): number | null | undefined {
  const [first, ...others] = [name, ...OTHER_NAMES[name]].filter((one) => request[one] != null);
  const other = others.find((one) => request[one] !== request[first!]);
  if (other !== undefined) throw invalidValue(`"${other}" and "${first}" say different things. Send one of them.`, other);
  return first && request[first];
}
