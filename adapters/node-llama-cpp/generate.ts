// One generation of the embedded engine: from a request to the events of its choices.
import { addAbortListener } from "node:events";
import { AdapterError } from "../adapter.ts";
import type { ScoringEvent, ScoringRequest, TokenRequest } from "../token-engine.ts";
import { channel } from "../shared/channel.ts";
import { contextExceeded } from "../shared/context-exceeded.ts";
import type { Addon } from "./addon.ts";
import { createAnswerText } from "./answer-text.ts";
import type { Batcher } from "./batcher.ts";
import { createSamplers } from "./create-samplers.ts";
import { createLikelihoods, type Likelihoods, type SampledToken } from "./likelihood.ts";
import { tokenLogprob, tokenText } from "./token-logprob.ts";
import type { TokenSampler } from "./token-sampler.ts";
import type { AllowedTokens } from "./token-tree.ts";
import type { EmbeddedVocabulary } from "./vocabulary.ts";

/** What a generation needs of a loaded model. */
export interface LoadedModel {
  addon: Addon;
  batcher: Batcher;
  vocabulary: EmbeddedVocabulary;
  allowed: AllowedTokens;
  /** The native call, without special tokens. */
  detokenize: (tokens: readonly number[]) => string;
  slots: number;
  context_length: number;
}

/** The usage of each choice has the whole prompt, which was read once, and its own answer: the request's has the prompt once and all answers. */
export async function* generate(
  loaded: LoadedModel,
  request: TokenRequest | ScoringRequest,
  signal: AbortSignal,
): AsyncGenerator<ScoringEvent> {
  signal.throwIfAborted();
  const { batcher, vocabulary, slots, context_length } = loaded;
  const { prompt, choices = 1, report_tokens } = request;
  // llama.cpp needs one position for itself, and an answer one at least.
  const max_tokens = Math.min(request.max_tokens, context_length - 1 - prompt.length);
  if (max_tokens < 1) throw contextExceeded({ n_prompt_tokens: prompt.length, n_ctx: context_length });
  if (choices > slots) throw tooManyChoices(choices, slots);
  const events = channel<ScoringEvent>();
  const answers = Array.from({ length: choices }, () => ({ text: createAnswerText({ ...loaded, request }), tokens: 0 }));
  const samplers = createSamplers(request, { ...loaded, max_tokens });
  const scores = "scores" in request ? request.scores : undefined;
  const likelihoods = scores && createLikelihoods(loaded.addon, scores.top);
  if (likelihoods) samplers[0] = disposingBoth(samplers[0]!, likelihoods);
  const scored = (token: SampledToken) => tokenLogprob(token, { vocabulary, top: scores!.top, shown_tokens: [] });
  const stop = batcher.start({
    ...{ prompt, samplers },
    scores: likelihoods && {
      likelihoods,
      onScored: (tokens) => events.push({ type: "scored", tokens: tokens.map(scored) }),
    },
    repeatable: request.repeatable,
    reuses: request.cache_prompt !== false && scores === undefined,
    scope: request.cache_scope,
    continues: request.continues,
    onPrompt: (read) => events.push({ type: "prompt", read, total: prompt.length }),
    // Read here, so that no token behind a stop string is computed.
    onToken(sampled, { choice, cached, sequence }) {
      const answer = answers[choice]!;
      const count = ++answer.tokens;
      const own = choices > 1 ? { choice } : {};
      const { text, logprobs, ended, stopped_by } = answer.text.push(sampled, count === max_tokens);
      if (text !== "")
        events.push({ ...own, type: "text", text, ...(report_tokens && { count }), ...(logprobs && { logprobs }) });
      if (!ended && count < max_tokens) return true;
      const end = { reason: ended ? "stop" : "length", ...(stopped_by !== undefined && { stopped_by }) } as const;
      const usage = { prompt_tokens: prompt.length, completion_tokens: count, cached_tokens: cached };
      events.push({ ...own, type: "finish", ...end, slot: sequence, usage, ...(sampled.odds && { odds: sampled.odds }) });
      return false;
    },
    onError: events.fail,
  });
  const abort_listener = addAbortListener(signal, () => events.fail(signal.reason));
  try {
    if (scores) yield { type: "scored", tokens: [{ ...tokenText(prompt[0]!, vocabulary), logprob: null, top_logprobs: [] }] };
    let unfinished = choices;
    while (unfinished > 0) {
      const event = await events.take();
      if (event.type === "finish") unfinished--;
      yield event;
    }
  } finally {
    stop();
    abort_listener[Symbol.dispose]();
  }
}

/** The batcher disposes of a sampler when its generation is over. */
function disposingBoth({ sample, dispose }: TokenSampler, likelihoods: Likelihoods): TokenSampler {
  return {
    sample,
    dispose() {
      dispose();
      likelihoods.dispose();
    },
  };
}

function tooManyChoices(choices: number, slots: number): AdapterError {
  return new AdapterError("request_refused", `${choices} answers at once are more than the engine has slots, ${slots}.`, {
    param: "n",
  });
}
