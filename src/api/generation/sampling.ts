// How the tokens of an answer are drawn: the values of a request, else of its model, else of the document.
import type { ChatRequest } from "../../../adapters/adapter.ts";
import type { Unasked } from "../../../adapters/generation-request.ts";
import type { Model } from "../../../models/manifest.ts";
import { invalidValue } from "../../http/errors.ts";
import { CHAT_DEFAULTS } from "./defaults.ts";
import type { GenerationFields } from "./fields.ts";

type SamplingValues = Pick<
  ChatRequest,
  | ("max_tokens" | "temperature" | "top_p" | "top_k" | "min_p" | "repeat_penalty" | "frequency_penalty" | "presence_penalty")
  | ("stop" | "seed" | "repeatable" | "unasked" | "cache_prompt")
>;

interface SamplingOptions {
  newSeed: () => number;
  /** Where the request says nothing: what the model's record says, which another server is told; else what is no wish of anybody. */
  max_tokens: { model: number | undefined; otherwise: number };
}

/** `request`: `respell` has been over it. Throws 400 where two names of a parameter say different things. */
export function readSampling(
  request: GenerationFields,
  model: Model,
  { newSeed, max_tokens: usual }: SamplingOptions,
): SamplingValues {
  const defaults = { ...CHAT_DEFAULTS, ...model.parameters };
  const asked_tokens = request.max_completion_tokens ?? valueOf(request, "max_tokens");
  const is_unbounded = asked_tokens != null && asked_tokens < 0;
  const seed = valueOf(request, "seed");
  const given = {
    max_tokens: is_unbounded ? undefined : (asked_tokens ?? usual.model),
    temperature: request.temperature ?? model.parameters.temperature,
    top_p: request.top_p ?? model.parameters.top_p,
    top_k: request.top_k ?? undefined,
    min_p: request.min_p ?? undefined,
    repeat_penalty: valueOf(request, "repeat_penalty") ?? undefined,
    // llama.cpp takes -1 for a random seed.
    seed: seed == null || seed === -1 ? undefined : Number(BigInt.asUintN(32, BigInt(seed))),
  } satisfies Record<Unasked, number | undefined>;
  const { temperature = defaults.temperature, top_p = defaults.top_p, top_k = 40 } = given;
  return {
    max_tokens: given.max_tokens ?? (is_unbounded ? UNBOUNDED : usual.otherwise),
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
    ...(request.cache_prompt === false && { cache_prompt: false }),
  };
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
export function valueOf(request: GenerationFields, name: keyof typeof OTHER_NAMES): number | null | undefined {
  const [first, ...others] = [name, ...OTHER_NAMES[name]].filter((one) => request[one] != null);
  const other = others.find((one) => request[one] !== request[first!]);
  if (other !== undefined) throw invalidValue(`"${other}" and "${first}" say different things. Send one of them.`, other);
  return first && request[first];
}
