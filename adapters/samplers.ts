// llama.cpp's further settings of how the next token is chosen, by its own names, and what each of them may be.
import * as v from "valibot";

const Float = v.pipe(v.number(), v.finite());
const Share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
const Count = v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(2 ** 31 - 1));

/** Steps of the choice, by llama.cpp's names; it passes over names it does not know, so none gets there. */
const Step = v.picklist(["penalties", "dry", "top_n_sigma", "top_k", "typ_p", "top_p", "min_p", "xtc", "temperature"]);

/** What `samplers` of a chat request may hold. Values that llama.cpp would bend silently are refused. */
export const SAMPLERS = {
  mirostat: v.picklist([0, 1, 2]),
  mirostat_tau: v.pipe(Float, v.minValue(0)),
  mirostat_eta: v.pipe(Float, v.minValue(0)),
  typical_p: Share,
  dynatemp_range: v.pipe(Float, v.minValue(0)),
  dynatemp_exponent: Float,
  xtc_probability: Share,
  xtc_threshold: Share,
  dry_multiplier: Float,
  dry_base: v.pipe(Float, v.minValue(1)),
  dry_allowed_length: Count,
  dry_penalty_last_n: Count,
  dry_sequence_breakers: v.pipe(v.array(v.pipe(v.string(), v.minLength(1), v.maxLength(100))), v.minLength(1), v.maxLength(100)),
  top_n_sigma: Float,
  /** Tokens that the three penalties look back; 0 turns them off. */
  repeat_last_n: Count,
  /** Tokens that each step leaves at least. */
  min_keep: Count,
  ignore_eos: v.boolean(),
  /** The steps, in their order. */
  samplers: v.pipe(v.array(Step), v.maxLength(20)),
} as const;

/** All of them at once; other names are refused. */
export const Samplers = v.strictObject(v.entriesFromObjects([v.partial(v.object(SAMPLERS))]));
