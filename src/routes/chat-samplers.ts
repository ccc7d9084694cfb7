// llama.cpp's further settings of its samplers, by its own names. https://github.com/ggml-org/llama.cpp/tree/master/tools/server
import * as v from "valibot";

const between = (least: number, most: number) => v.nullish(v.pipe(v.number(), v.minValue(least), v.maxValue(most)));
const whole = (least: number, most: number) =>
  v.nullish(v.pipe(v.number(), v.safeInteger(), v.minValue(least), v.maxValue(most)));
const MOST = 2 ** 31 - 1;

const ORDER = ["penalties", "dry", "top_n_sigma", "top_k", "typ_p", "top_p", "min_p", "xtc", "temperature"] as const;

export const Samplers = v.object({
  repeat_last_n: whole(-1, MOST),
  ignore_eos: v.nullish(v.boolean()),
  typical_p: between(0, 1),
  top_n_sigma: between(-1, 100),
  min_keep: whole(0, MOST),
  mirostat: whole(0, 2),
  mirostat_tau: between(0, 100),
  mirostat_eta: between(0, 1),
  dynatemp_range: between(0, 10),
  dynatemp_exponent: between(0, 100),
  xtc_probability: between(0, 1),
  xtc_threshold: between(0, 1),
  dry_multiplier: between(0, 100),
  dry_base: between(1, 100),
  dry_allowed_length: whole(0, MOST),
  dry_penalty_last_n: whole(-1, MOST),
  dry_sequence_breakers: v.nullish(v.pipe(v.array(v.pipe(v.string(), v.minLength(1), v.maxLength(100))), v.maxLength(100))),
  samplers: v.nullish(v.array(v.picklist(ORDER))),
});

/** The values that ask for nothing, of those that have one. */
export const OFF: Partial<Record<string, unknown>> = {
  ignore_eos: false,
  typical_p: 1,
  top_n_sigma: -1,
  mirostat: 0,
  dynatemp_range: 0,
  xtc_probability: 0,
  dry_multiplier: 0,
};
