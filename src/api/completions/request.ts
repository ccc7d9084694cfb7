// The body of a completion, and the request that an engine gets because of it.
import * as v from "valibot";
import type { Capability } from "../../../adapters/adapter.ts";
import type { CompletionRequest } from "../../../adapters/completion.ts";
import type { Model } from "../../../models/manifest.ts";
import { invalidValue } from "../../http/errors.ts";
import { validateWith } from "../../http/validate.ts";
import { isFilled, type JsonObject } from "../../support/json.ts";
import { droppedFormatFields } from "../generation/answer-format.ts";
import { generationFields } from "../generation/fields.ts";
import { OPTIONAL_FIELDS, readOptional } from "../generation/optional-parameters.ts";
import { sortParameters } from "../generation/parameters/sort.ts";
import { readSampling } from "../generation/sampling.ts";
import { readSentTexts, type SentText } from "../generation/sent-texts.ts";
import { PARAMETERS } from "./parameters/list.ts";
import { looseObject, object } from "../objects.ts";

/** Null stands for the default; fields that are not here are sorted by the list of parameters. */
export const CompletionBody = looseObject({
  ...generationFields({ least_tokens: 0 }),
  prompt: v.unknown(),
  suffix: v.nullish(v.string()),
  echo: v.nullish(v.boolean()),
});
export type CompletionBody = v.InferOutput<typeof CompletionBody>;

export const OptionalCompletionSchema = object({
  ...OPTIONAL_FIELDS,
  logprobs: v.nullish(v.union([v.literal(false), v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(20))])),
});

const MOST_PROMPTS = 128;
/** Tokens of an answer where nobody says how many, as OpenAI documents it. */
const MAX_TOKENS = 16;

/** A request for each prompt, but for the prompt. */
export type SharedRequest = Omit<CompletionRequest, "prompt" | "cache_scope">;

/** `ignored`: the names of fields that are passed over. Throws 400 for fields that the engine would drop. `body`: `respell` has been over it. */
export function toCompletionRequest(
  body: CompletionBody,
  model: Model,
  capabilities: readonly Capability[],
  newSeed: () => number,
): { prompts: SentText[]; shared: SharedRequest; echo: boolean; ignored: string[] } {
  const suffix = readSuffix(body, model);
  const prompts = readSentTexts(body.prompt, { field: "prompt", most: MOST_PROMPTS, may_be_empty: suffix !== undefined });
  const sampling = readSampling(body, model, { newSeed, max_tokens: { model: undefined, otherwise: MAX_TOKENS } });
  const { honoured, hints, unknown } = sortParameters(PARAMETERS, body, model, capabilities);
  const { logprobs, ...optional } = validateWith(OptionalCompletionSchema, honoured);
  const top = typeof logprobs === "number" ? logprobs : undefined;
  const echo = body.echo ?? false;
  const elsewhere = model.upstream !== undefined;
  const shared = {
    ...sampling,
    ...readOptional(optional, {}, capabilities),
    ...(top !== undefined && { logprobs: { top } }),
    ...(suffix !== undefined && { suffix }),
    ...(echo && top !== undefined && readScores(top, suffix, capabilities)),
    ...(elsewhere && isFilled(hints) && { hints }),
  };
  const dropped = droppedFormatFields((honoured as JsonObject).response_format, elsewhere);
  return { prompts, shared, echo, ignored: [...(elsewhere ? [] : Object.keys(hints)), ...dropped, ...unknown] };
}

/** Throws 400 for a model that has no tokens around a gap. Another server knows its models itself. */
function readSuffix({ suffix }: CompletionBody, { fill_in = false, upstream }: Model): string | undefined {
  if (suffix == null || suffix === "") return undefined;
  if (fill_in || upstream !== undefined) return suffix;
  const message =
    '"suffix" needs a model that has tokens for filling in, with "infill" among its capabilities, and this one has none. Leave it out.';
  throw invalidValue(message, "suffix", "unsupported_parameter");
}

function readScores(
  top: number,
  suffix: string | undefined,
  capabilities: readonly Capability[],
): Pick<CompletionRequest, "score_prompt"> {
  if (suffix !== undefined) {
    const message = '"echo" with "logprobs" and "suffix" is not supported. Leave one of them out.';
    throw invalidValue(message, "suffix", "unsupported_parameter");
  }
  if (capabilities.includes("prompt_logprobs")) return { score_prompt: { top } };
  const message =
    '"echo" with "logprobs" asks how likely the prompt is, which this model\'s engine does not say. The embedded engine does: ' +
    'take "--adapter node-llama-cpp", or leave one of them out.';
  throw invalidValue(message, "echo", "unsupported_parameter");
}
