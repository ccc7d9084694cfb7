// A completion of an engine that knows tokens alone: the prompt as it is, and what each answer is generated under.
import { AdapterError, type CompletionEvent, type Engine, type Usage } from "../../adapter.ts";
import type { TokenEngine, TokenRequest } from "../../token-engine.ts";
import { isPlain } from "../chat/answer-plan.ts";
import type { ChatParts } from "../chat/chat.ts";
import { generateAnswers, tokenRequest } from "../chat/generate-answers.ts";
import { planText, tryGrammar } from "../chat/plan-answer.ts";
import { namedDeadEnd } from "../grammar-dead-end.ts";
import { contextExceeded } from "../context-exceeded.ts";
import { promptTokens } from "./prompt-tokens.ts";

export function createComplete(parts: ChatParts): NonNullable<Engine["complete"]> {
  const generate = createGenerate(parts);
  return async function* complete(request, signal) {
    try {
      yield* generate(request, signal);
    } catch (error) {
      throw namedDeadEnd(error, request);
    }
  };
}

function createGenerate(parts: ChatParts): NonNullable<Engine["complete"]> {
  const { engine, prompts } = parts;
  return async function* generate(request, signal) {
    signal.throwIfAborted();
    await tryGrammar(request, prompts, signal);
    const plan = planText(request);
    const tokens = tokenRequest(request, await promptTokens(request, parts, signal));
    const { choices, max_tokens, score_prompt } = request;
    if (score_prompt === undefined) {
      if (max_tokens === 0) yield finishWithout(tokens, engine);
      else yield* generateAnswers(parts, { plan, tokens, choices }, signal);
      return;
    }
    const scored = scoredEvents(engine, { ...tokens, max_tokens: Math.max(1, max_tokens), scores: score_prompt }, signal);
    if (max_tokens > 0 && isPlain(plan) && choices === undefined) return yield* scored;
    // What is generated under a plan is generated apart.
    for await (const event of scored) {
      if (event.type === "scored" || event.type === "prompt") yield event;
      if (event.type === "finish" && max_tokens === 0) yield { type: "finish", reason: "length", usage: without(event.usage) };
    }
    if (max_tokens > 0) yield* generateAnswers(parts, { plan, tokens, choices }, signal);
  };
}

/** Throws `AdapterError` `request_unsupported` where the engine scores no prompt. */
async function* scoredEvents(
  { score }: TokenEngine,
  request: Parameters<NonNullable<TokenEngine["score"]>>[0],
  signal: AbortSignal,
): AsyncGenerator<CompletionEvent> {
  if (score === undefined) {
    const message = '"echo" with "logprobs" is not supported by this model\'s engine. Leave one of them out.';
    throw new AdapterError("request_unsupported", message, { param: "echo" });
  }
  for await (const event of score(request, signal)) {
    if (event.type !== "finish") yield event;
    else yield { type: "finish", reason: event.reason, usage: event.usage };
  }
}

/** The end of an answer that may have no tokens. Throws `AdapterError` `context_length_exceeded`. */
function finishWithout({ prompt }: TokenRequest, { context_length }: TokenEngine): CompletionEvent {
  const prompt_tokens = prompt.length;
  if (prompt_tokens >= context_length) throw contextExceeded({ n_prompt_tokens: prompt_tokens, n_ctx: context_length });
  return { type: "finish", reason: "length", usage: { prompt_tokens, completion_tokens: 0, cached_tokens: 0 } };
}

/** The usage of an answer whose one token, which the engine cannot do without, is no part of it. */
function without(usage: Usage): Usage {
  return { ...usage, completion_tokens: 0 };
}
