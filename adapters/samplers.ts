// llama.cpp's further sampling settings, by its own names, and the values that each may have.
import * as v from "valibot";
import { AdapterError, type ChatRequest } from "./adapter.ts";

const Float = v.pipe(v.number(), v.finite());
const Probability = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
const Count = v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(2 ** 31 - 1));

/** -1: as many as the context holds. */
const LastTokens = v.pipe(v.number(), v.safeInteger(), v.minValue(-1), v.maxValue(2 ** 31 - 1));

/**
 * llama.cpp looks each of them up in the whole vocabulary at the beginning of a generation, while no other one goes on, and tokenizes the rest of
 * it behind each token that ends as it begins: eight of twenty bytes take up to a second there. It cuts longer ones at 40 bytes in silence.
 */
const Breakers = v.pipe(v.array(v.pipe(v.string(), v.minLength(1), v.maxBytes(20))), v.minLength(1), v.maxLength(8));

/** Samplers by llama.cpp's names. llama.cpp ignores names that it does not know, so unknown ones are refused here. */
const Sampler = v.picklist(["penalties", "dry", "top_n_sigma", "top_k", "typ_p", "top_p", "min_p", "xtc", "temperature"]);

/** The settings that `samplers` of a chat request may hold. Values that llama.cpp would change silently are refused. */
export const SAMPLERS = {
  mirostat: v.picklist([0, 1, 2]),
  mirostat_tau: v.pipe(Float, v.minValue(0)),
  mirostat_eta: v.pipe(Float, v.minValue(0)),
  typical_p: Probability,
  dynatemp_range: v.pipe(Float, v.minValue(0)),
  dynatemp_exponent: Float,
  xtc_probability: Probability,
  xtc_threshold: Probability,
  dry_multiplier: Float,
  dry_base: v.pipe(Float, v.minValue(1)),
  dry_allowed_length: Count,
  dry_penalty_last_n: LastTokens,
  dry_sequence_breakers: Breakers,
  top_n_sigma: Float,
  /** Tokens that the three penalties look back; 0 turns them off, -1 is all. */
  repeat_last_n: LastTokens,
  /** Tokens that each sampler leaves at least. */
  min_keep: Count,
  ignore_eos: v.boolean(),
  /** In the order in which they run. */
  samplers: v.pipe(v.array(Sampler), v.maxLength(20)),
} as const;

/** The whole of `ChatRequest.samplers`; other names are refused. */
const Samplers = v.strictObject(v.entriesFromObjects([v.partial(v.object(SAMPLERS))]));

/** Throws `AdapterError` `request_refused` for what is no setting, and for values that none may have. */
export function readSamplers({ samplers = {} }: Pick<ChatRequest, "samplers">): v.InferOutput<typeof Samplers> {
  const read = v.safeParse(Samplers, samplers);
  if (read.success) return read.output;
  const [issue] = read.issues;
  const param = String(issue.path?.[0].key ?? "samplers");
  throw new AdapterError("request_refused", `"${v.getDotPath(issue) ?? param}": ${issue.message}.`, { param });
}
