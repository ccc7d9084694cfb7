// The fields of a request that every engine honours for any generated text.
import * as v from "valibot";
import { KeepAlive } from "../../support/quantities.ts";
import { codedMessage } from "../../support/coded-message.ts";
import { looseObject, object, withExample } from "../objects.ts";

const LONGEST_STOP = 1024;

const between = (least: number, most: number) => v.nullish(v.pipe(v.number(), v.minValue(least), v.maxValue(most)));
const invalidStop = codedMessage("invalid_value", `A stop sequence has at most ${LONGEST_STOP} characters.`);
const isStop = (text: string): boolean => text.length <= LONGEST_STOP;
const withoutEmpty = (stops: string[]): string[] => stops.filter((stop) => stop !== "");

/** Tokens of an answer, at least so many, or one of the values that are no bound but the context. */
const maxTokens = (least: number, ...unbounded: number[]) =>
  v.nullish(
    v.pipe(
      v.number(),
      v.safeInteger(),
      v.check(
        (count) => count >= least || unbounded.includes(count),
        ({ input }) =>
          codedMessage(
            "invalid_value",
            `An answer of ${input} tokens is asked for. Ask for ${least} or more, or for -1: no bound but the context.`,
          ),
      ),
    ),
  );
const RepeatPenalty = between(0.01, 10);
const Seed = v.nullish(v.pipe(v.number(), v.safeInteger()));

/** Null stands for the default. `least_tokens`: those that an answer may be asked to have. */
export function generationFields({ least_tokens }: { least_tokens: 0 | 1 }) {
  const MaxTokens = maxTokens(least_tokens, -1);
  return {
    model: v.nullish(v.pipe(v.string(), v.minLength(1))),
    stream: v.nullish(v.boolean()),
    stream_options: v.nullish(looseObject({ include_usage: v.nullish(v.boolean()) })),
    max_tokens: MaxTokens,
    max_completion_tokens: MaxTokens,
    n_predict: MaxTokens,
    num_predict: maxTokens(least_tokens, -1, -2),
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
    usage: v.nullish(looseObject({ include: v.nullish(v.boolean()) })),
    cache_prompt: v.nullish(v.boolean()),
    stop: v.nullish(
      v.union([
        v.pipe(
          v.string(),
          v.check(isStop, invalidStop),
          v.transform((text) => withoutEmpty([text])),
        ),
        v.pipe(
          withExample(v.array(v.unknown()), ["END"]),
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
  };
}

const Fields = object(generationFields({ least_tokens: 0 }));
export type GenerationFields = v.InferOutput<typeof Fields>;
