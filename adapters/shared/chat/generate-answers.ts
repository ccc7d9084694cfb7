// The answers to one request, of a chat or a completion, once its prompt is tokens: one or several, plain or under a plan.
import type { ChatEvent, ChatRequest } from "../../adapter.ts";
import type { CompletionRequest } from "../../completion.ts";
import type { TokenEngine, TokenRequest } from "../../token-engine.ts";
import { answer, type AnswerEnd } from "./answer.ts";
import { type AnswerPlan, isPlain } from "./answer-plan.ts";
import { choices, finishOf } from "./choices.ts";
import { createPhases, type Generate } from "./phases.ts";
import type { TextTokenizer } from "./tokenizer.ts";

export interface AnswersOptions {
  plan: AnswerPlan;
  tokens: TokenRequest;
  choices: ChatRequest["choices"];
}

export async function* generateAnswers(
  { engine, tokenizer }: { engine: TokenEngine; tokenizer: TextTokenizer },
  { plan, tokens, choices: asked }: AnswersOptions,
  signal: AbortSignal,
): AsyncGenerator<ChatEvent> {
  if (isPlain(plan) && asked === undefined) return yield* plainAnswer(engine, tokens, signal);

  const { context_length } = engine;
  const left = new AbortController();
  const either = AbortSignal.any([signal, left.signal]);
  // Thoughts are counted in tokens. Texts that are not are fewer, as the embedded engine joins them.
  const shown = { shown_tokens: plan.shown_tokens, ...(plan.thoughts && { report_tokens: true }) };
  const begin = (index: number, generate: Generate): AsyncGenerator<ChatEvent, AnswerEnd> => {
    const own = { ...tokens, ...shown, seed: (tokens.seed + index) >>> 0 };
    return answer(plan, createPhases({ request: own, context_length, generate, tokenize: tokenizer.goOn, signal: either }));
  };
  const counts = asked ?? { count: 1, at_once: 1 };
  const ends = yield* choices({ ...counts, begin, generate: engine.generate, leave: () => left.abort() });
  yield finishOf(ends);
}

/** One answer whose text is what the engine says. */
async function* plainAnswer(engine: TokenEngine, request: TokenRequest, signal: AbortSignal): AsyncGenerator<ChatEvent> {
  for await (const event of engine.generate(request, signal)) {
    if (event.type !== "finish") yield event;
    else yield { type: "finish", reason: event.reason, usage: event.usage };
  }
}

/** What the engine gets of a request, but for its grammar. */
export function tokenRequest(request: ChatRequest | CompletionRequest, prompt: readonly number[]): TokenRequest {
  const { max_tokens, temperature, top_p, top_k, min_p, repeat_penalty, frequency_penalty, presence_penalty } = request;
  const { seed, repeatable, cache_scope, cache_prompt, stop, logprobs, logit_bias, samplers } = request;
  return {
    ...{ prompt, max_tokens, temperature, top_p, top_k, min_p, repeat_penalty, frequency_penalty, presence_penalty },
    ...{ seed, repeatable, cache_scope, stop },
    ...(cache_prompt !== undefined && { cache_prompt }),
    ...(logprobs && { logprobs }),
    ...(logit_bias && { logit_bias }),
    ...(samplers && { samplers }),
  };
}
