// The sampling settings of a request as the native sampler has them. What it has not is refused by name.
import { AdapterError, type ChatRequest } from "../adapter.ts";
import type { TokenRequest } from "../token-engine.ts";
import { readSamplers } from "../samplers.ts";
import type { SamplerConfig } from "./addon.ts";

type SamplerRequest = Pick<ChatRequest, "temperature" | "top_k" | "top_p" | "min_p" | "samplers" | Penalty>;
type Penalty = "repeat_penalty" | "frequency_penalty" | "presence_penalty";

/** Settings of `ChatRequest.samplers` that the embedded engine honours at every value that it can have; of the others, those that change nothing. */
export const HONOURED_SAMPLERS: ReadonlySet<string> = new Set([
  ...["repeat_last_n", "ignore_eos", "xtc_probability", "xtc_threshold", "samplers"],
  ...["dry_multiplier", "dry_base", "dry_allowed_length", "dry_penalty_last_n", "dry_sequence_breakers"],
]);

/** Values with which a sampler that the engine has not is off, as it is here. */
const OFF: Record<string, (value: number) => boolean> = {
  mirostat: (value) => value === 0,
  typical_p: (value) => value === 1,
  dynatemp_range: (value) => value === 0,
  top_n_sigma: (value) => value <= 0,
  // Each of the samplers that it has leaves one token.
  min_keep: (value) => value <= 1,
};

/** Settings that tune a sampler which is off. */
const TUNING = new Set(["mirostat_tau", "mirostat_eta", "dynatemp_exponent"]);

/** Tokens of an answer that DRY gets of its earlier phases: each takes the time of a sample, in which no generation goes on. */
const MOST_HISTORY = 1_024;

/** In the order in which they run. */
const RUN_ORDER = ["penalties", "dry", "top_k", "top_p", "min_p", "xtc", "temperature"] as const;
type SamplerName = (typeof RUN_ORDER)[number];

/** Throws `AdapterError` `request_unsupported` for what the native sampler has not, and `request_refused` as `readSamplers`. */
export function checkSamplers(request: SamplerRequest): void {
  const samplers = readSamplers(request);
  for (const [name, value] of Object.entries(samplers)) {
    if (HONOURED_SAMPLERS.has(name) || TUNING.has(name) || OFF[name]?.(value as number)) continue;
    throw unsupported(name, `"${name}" is not supported by the embedded engine.`);
  }
  if (Number(samplers.dry_multiplier ?? 0) < 0) {
    throw unsupported("dry_multiplier", `"dry_multiplier" below 0 is not supported by the embedded engine.`);
  }
  const places = listed(request)
    .filter((name) => isOn(name, request))
    .map((name) => RUN_ORDER.indexOf(name));
  if (places.some((place, i) => i > 0 && place <= places[i - 1]!)) {
    throw unsupported(
      "samplers",
      `The embedded engine runs its "samplers" in one order: ${RUN_ORDER.join(", ")}. Each may be left out.`,
    );
  }
}

export interface SamplerConfigOptions {
  /** Of this answer. */
  max_tokens: number;
  context_length: number;
}

/** The request was checked. Its bias and its grammar are added elsewhere. */
export function samplerConfig(request: TokenRequest, options: SamplerConfigOptions): SamplerConfig {
  const { seed, top_k, top_p, min_p, temperature } = request;
  const runs = new Set(listed(request));
  // top_p 0 keeps the likeliest token alone, which is what greedy is.
  const greedy = (runs.has("top_p") && top_p === 0) || (runs.has("temperature") && temperature === 0);
  return {
    temperature: greedy ? 0 : runs.has("temperature") ? temperature : 1,
    topP: runs.has("top_p") ? top_p : 1,
    minP: runs.has("min_p") ? min_p : 0,
    ...(runs.has("top_k") && top_k > 0 && { topK: top_k }),
    // XTC draws also where the rest is greedy: the same request then draws the same.
    seed: greedy ? 0 : seed,
    ...penaltyConfig(request, runs.has("penalties"), options),
    ...(runs.has("dry") && dryConfig(request, options)),
    ...(runs.has("xtc") && xtcConfig(request)),
  };
}

/** Whether what was drawn before decides what is drawn next, or one draw takes more than one number. */
export function hasMemory(config: SamplerConfig): boolean {
  const { repeatPenalty, repeatPenaltyFrequencyPenalty, repeatPenaltyPresencePenalty } = config;
  const penalises = repeatPenalty !== 1 || repeatPenaltyFrequencyPenalty !== 0 || repeatPenaltyPresencePenalty !== 0;
  return penalises || config.dryRepeatPenaltyStrength !== undefined || config.xtcProbability !== undefined;
}

/** Where nobody says how far they look back, penalties count the answer so far; else the end of the prompt as well, as in llama.cpp. */
function penaltyConfig(request: TokenRequest, on: boolean, { max_tokens, context_length }: SamplerConfigOptions) {
  const { prompt, answered = 0, repeat_penalty, frequency_penalty, presence_penalty, samplers } = request;
  const last_n = samplers?.repeat_last_n as number | undefined;
  const window = last_n === undefined ? answered + max_tokens : Math.min(last_n === -1 ? context_length : last_n, context_length);
  const counted = Math.min(last_n === undefined ? answered : window, prompt.length);
  return {
    repeatPenalty: on ? repeat_penalty : 1,
    repeatPenaltyFrequencyPenalty: on ? frequency_penalty : 0,
    repeatPenaltyPresencePenalty: on ? presence_penalty : 0,
    repeatPenaltyTokens: Uint32Array.from(prompt.slice(prompt.length - counted)),
    repeatPenaltyMaxTokens: window,
  };
}

const BREAKERS = ["\n", ":", '"', "*"];

/** The native sampler sees the answer, and not the prompt. Defaults are llama.cpp's. */
function dryConfig({ samplers = {} }: TokenRequest, { context_length }: SamplerConfigOptions): Partial<SamplerConfig> {
  const multiplier = Number(samplers.dry_multiplier ?? 0);
  if (multiplier <= 0) return {};
  const last_n = Number(samplers.dry_penalty_last_n ?? -1);
  return {
    dryRepeatPenaltyStrength: multiplier,
    dryRepeatPenaltyBase: Number(samplers.dry_base ?? 1.75),
    dryRepeatPenaltyAllowedLength: Number(samplers.dry_allowed_length ?? 2),
    dryRepeatPenaltyLastTokens: last_n === -1 ? context_length : Math.min(last_n, context_length),
    dryRepeatPenaltySequenceBreakers: (samplers.dry_sequence_breakers as readonly string[] | undefined) ?? BREAKERS,
  };
}

/** What DRY has to have seen before its first token: of the answer, as far as it looks back. */
export function dryHistory(
  { prompt, answered = 0 }: TokenRequest,
  { dryRepeatPenaltyLastTokens }: SamplerConfig,
): readonly number[] {
  const length = Math.min(answered, dryRepeatPenaltyLastTokens ?? 0, MOST_HISTORY);
  return prompt.slice(prompt.length - length);
}

function xtcConfig({ samplers = {} }: TokenRequest): Partial<SamplerConfig> {
  const xtcProbability = Number(samplers.xtc_probability ?? 0);
  return xtcProbability > 0 ? { xtcProbability, xtcThreshold: Number(samplers.xtc_threshold ?? 0.1) } : {};
}

/** The samplers that run, in the request's order. */
function listed({ samplers }: Pick<ChatRequest, "samplers">): readonly SamplerName[] {
  const names = samplers?.samplers as readonly string[] | undefined;
  if (names === undefined) return RUN_ORDER;
  return names.filter((name): name is SamplerName => (RUN_ORDER as readonly string[]).includes(name));
}

/** A sampler that changes nothing may stand anywhere. */
function isOn(name: SamplerName, request: SamplerRequest): boolean {
  const { temperature, top_k, top_p, min_p, repeat_penalty, frequency_penalty, presence_penalty, samplers = {} } = request;
  if (name === "penalties") return repeat_penalty !== 1 || frequency_penalty !== 0 || presence_penalty !== 0;
  if (name === "dry") return Number(samplers.dry_multiplier ?? 0) > 0;
  if (name === "xtc") return Number(samplers.xtc_probability ?? 0) > 0;
  return { temperature: temperature !== 1, top_k: top_k > 0, top_p: top_p < 1, min_p: min_p > 0 }[name];
}

function unsupported(param: string, message: string): AdapterError {
  return new AdapterError(
    "request_unsupported",
    `${message} llama-server honours it: take "--adapter llama-server", or leave it out.`,
    {
      param,
    },
  );
}
