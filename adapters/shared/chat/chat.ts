// A chat of an engine that knows tokens alone: what is rendered, what each answer is generated under, and the events of all of them.
import type { ChatEvent, ChatRequest, Engine } from "../../adapter.ts";
import type { ModelPrompts } from "../../prompts.ts";
import type { TokenEngine, TokenRequest } from "../../token-engine.ts";
import { withPromptedTools } from "../tool-calls/prompted-tools.ts";
import { hasImages } from "../message-text.ts";
import { answer, type AnswerEnd } from "./answer.ts";
import { isPlain } from "./answer-plan.ts";
import { withBegunText } from "./begun-text.ts";
import { choices, finishOf } from "./choices.ts";
import { createPhases, type Generate } from "./phases.ts";
import { planAnswer, tryGrammar } from "./plan-answer.ts";
import { createTokenizer } from "./tokenizer.ts";

export function createChat(engine: TokenEngine, prompts: ModelPrompts): Engine["chat"] {
  const tokenizer = createTokenizer(engine, prompts);

  return async function* chat(request, signal) {
    if (engine.chatWithImages !== undefined && hasImages(request)) return yield* engine.chatWithImages(request, signal);
    await tryGrammar(request, prompts, signal);
    const readable = withPromptedTools(withoutTools(request), prompts.template);
    const prompt = await prompts.render(readable, engine.context_length, signal);
    const planned = planAnswer(request, prompts.template, prompt.tail);
    const plan = await withBegunText(planned, request, { prompts, tokenizer, signal });
    const tokens = tokenRequest(request, await tokenizer.promptTokens(prompt, signal));
    if (isPlain(plan) && request.choices === undefined) return yield* plainChat(engine, tokens, signal);

    const { context_length } = engine;
    const left = new AbortController();
    const either = AbortSignal.any([signal, left.signal]);
    const shown = { report_tokens: true, shown_tokens: plan.shown_tokens };
    const begin = (index: number, generate: Generate): AsyncGenerator<ChatEvent, AnswerEnd> => {
      const own = { ...tokens, ...shown, seed: (tokens.seed + index) >>> 0 };
      return answer(plan, createPhases({ request: own, context_length, generate, tokenize: tokenizer.goOn, signal: either }));
    };
    const counts = request.choices ?? { count: 1, at_once: 1 };
    const ends = yield* choices({ ...counts, begin, generate: engine.generate, leave: () => left.abort() });
    yield finishOf(ends);
  };
}

/** Tools that cannot be called are no part of the prompt. */
function withoutTools(request: ChatRequest): ChatRequest {
  if (request.tool_choice !== "none") return request;
  const { tools: _, tool_choice: __, ...rest } = request;
  return rest;
}

/** One answer whose text is what the engine says. */
async function* plainChat(engine: TokenEngine, request: TokenRequest, signal: AbortSignal): AsyncGenerator<ChatEvent> {
  for await (const event of engine.generate(request, signal)) {
    if (event.type !== "finish") yield event;
    else yield { type: "finish", reason: event.reason, usage: event.usage };
  }
}

function tokenRequest(request: ChatRequest, prompt: readonly number[]): TokenRequest {
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
