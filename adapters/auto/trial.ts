// What is timed, and what that has shown: the words of this folder.
import * as v from "valibot";

const Rate = v.pipe(v.number(), v.finite(), v.gtValue(0));
/** With one stream, and with four. */
const Rates = v.tuple([Rate, Rate]);

/** Tokens a second, of all streams together. */
export const EngineTiming = v.object({
  /** Of prompts that are read. */
  prompt: Rates,
  /** Of answers. */
  decode: Rates,
});
export type EngineTiming = v.InferOutput<typeof EngineTiming>;

/** What a load may be given so that the engine is fast, as `LoadOptions` has it. */
export const EngineTuning = v.object({
  threads: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  waiting: v.optional(v.picklist(["briefly", "long"])),
});
export type EngineTuning = v.InferOutput<typeof EngineTuning>;

/** One engine with one tuning. */
export const Trial = v.object({
  adapter: v.string(),
  tuning: EngineTuning,
  timings: v.array(EngineTiming),
  /** Why its process has ended while it was timed. */
  death: v.optional(v.string()),
});
export type Trial = v.InferOutput<typeof Trial>;

/** What is known of the engines' speed with weights of one type. */
export const SpeedNote = v.object({
  /** As `Model.weight_type`. */
  weight_type: v.string(),
  trials: v.array(Trial),
  /** Milliseconds that were taken for it so far. */
  spent_ms: v.number(),
  /** Whether nothing is left to be timed. */
  complete: v.boolean(),
});
export type SpeedNote = v.InferOutput<typeof SpeedNote>;
