// The body of a chat request, as far as every engine honours it, and the request that an engine gets because of it.
import * as v from "valibot";
import type { Capability, ChatRequest, Unasked } from "../../../adapters/adapter.ts";
import type { Model } from "../../../models/manifest.ts";
import { KeepAlive } from "../../support/quantities.ts";
import { codedMessage } from "../../support/coded-message.ts";
import { readOptionalParameters } from "./optional-parameters.ts";
import { Message, refuseUnsupportedMessages } from "./messages.ts";

const LONGEST_STOP = 1024;

const between = (least: number, most: number) => v.nullish(v.pipe(v.number(), v.minValue(least), v.maxValue(most)));
const Count = v.nullish(v.pipe(v.number(), v.safeInteger(), v.minValue(1)));
const invalidStop = codedMessage("invalid_value", `A stop sequence has 1 to ${LONGEST_STOP} characters.`);
const isStop = (text: string): boolean => text.length > 0 && text.length <= LONGEST_STOP;

/** Null stands for the default everywhere but in `model`; fields that are not here pass, for optional-parameters.ts. */
export const ChatCompletionRequest = v.looseObject({
  model: v.optional(v.pipe(v.string(), v.minLength(1))),
  messages: v.pipe(
    v.array(Message),
    v.minLength(1),
    v.maxLength(100_000, codedMessage("too_many_messages", "At most 100,000 messages are allowed. Send fewer.")),
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
  /** How long the model stays loaded afterwards: seconds or "10m", here in ms. */
  keep_alive: v.nullish(KeepAlive),
  stop: v.nullish(
    v.union([
      v.pipe(
        v.string(),
        v.check(isStop, invalidStop),
        v.transform((text) => [text]),
      ),
      v.pipe(
        v.array(v.unknown()),
        v.maxLength(16),
        v.check(
          (stops) => stops.every((stop) => typeof stop === "string"),
          codedMessage("invalid_type", "Every stop sequence must be a string."),
        ),
        v.transform((stops) => stops as string[]),
        v.check((stops) => stops.every(isStop), invalidStop),
      ),
    ]),
  ),
});
export type ChatCompletionRequest = v.InferOutput<typeof ChatCompletionRequest>;

/** Values of the request, else of the model, else the document's defaults. Throws 400 for those that the engine would drop. */
export function toChatRequest(
  request: ChatCompletionRequest,
  { parameters }: Model,
  capabilities: readonly Capability[],
  newSeed: () => number,
): Omit<ChatRequest, "cache_scope"> {
  refuseUnsupportedMessages(request.messages, capabilities);
  const given = {
    max_tokens: request.max_completion_tokens ?? request.max_tokens ?? parameters.max_tokens,
    temperature: request.temperature ?? parameters.temperature,
    top_p: request.top_p ?? parameters.top_p,
    top_k: request.top_k ?? undefined,
    min_p: request.min_p ?? undefined,
    repeat_penalty: request.repeat_penalty ?? undefined,
    // llama.cpp takes -1 for a random seed.
    seed: request.seed == null || request.seed === -1 ? undefined : Number(BigInt.asUintN(32, BigInt(request.seed))),
  } satisfies Record<Unasked, number | undefined>;
  const { temperature = 0.7, top_p = 0.95, top_k = 40 } = given;
  return {
    messages: request.messages,
    max_tokens: given.max_tokens ?? 2048,
    temperature,
    top_p,
    top_k: Math.max(0, top_k),
    min_p: given.min_p ?? 0,
    repeat_penalty: given.repeat_penalty ?? 1,
    frequency_penalty: request.frequency_penalty ?? parameters.frequency_penalty ?? 0,
    presence_penalty: request.presence_penalty ?? parameters.presence_penalty ?? 0,
    stop: request.stop ?? parameters.stop ?? [],
    seed: given.seed ?? newSeed(),
    repeatable: given.seed !== undefined || temperature === 0 || top_p === 0,
    unasked: (Object.keys(given) as Unasked[]).filter((name) => given[name] === undefined),
    ...readOptionalParameters(request, capabilities),
  };
}
