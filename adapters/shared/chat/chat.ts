// A chat of an engine that knows tokens alone: what is rendered, and what each answer is generated under.
import type { ChatRequest, Engine } from "../../adapter.ts";
import type { ModelPrompts, PromptRequest } from "../../prompts.ts";
import type { TokenEngine } from "../../token-engine.ts";
import { withPromptedTools } from "../tool-calls/prompted-tools.ts";
import { namedDeadEnd } from "../grammar-dead-end.ts";
import { hasImages } from "../message-text.ts";
import { withBegunText } from "./begun-text.ts";
import { generateAnswers, tokenRequest } from "./generate-answers.ts";
import { planAnswer, tryGrammar } from "./plan-answer.ts";
import { createTokenizer, type TextTokenizer } from "./tokenizer.ts";

/** A loaded model. */
export interface ChatParts {
  engine: TokenEngine;
  prompts: ModelPrompts;
  tokenizer: TextTokenizer;
}

export function chatParts(engine: TokenEngine, prompts: ModelPrompts): ChatParts {
  return { engine, prompts, tokenizer: createTokenizer(engine, prompts) };
}

export function createChat({ engine, prompts, tokenizer }: ChatParts): Engine["chat"] {
  return async function* chat(request, signal) {
    if (engine.chatWithImages !== undefined && hasImages(request)) return yield* engine.chatWithImages(request, signal);
    await tryGrammar(request, prompts, signal);
    const prompt = await prompts.render(readableRequest(request, prompts), engine.context_length, signal);
    const planned = planAnswer(request, prompts.template, prompt.tail);
    const plan = await withBegunText(planned, request, { prompts, tokenizer, signal });
    const tokens = tokenRequest(request, await tokenizer.promptTokens(prompt, signal));
    try {
      yield* generateAnswers({ engine, tokenizer }, { plan, tokens, choices: request.choices }, signal);
    } catch (error) {
      throw namedDeadEnd(error, request);
    }
  };
}

/** The request as it is rendered. */
export function readableRequest(request: ChatRequest, { template }: Pick<ModelPrompts, "template">): PromptRequest {
  return withPromptedTools(withoutTools(request), template);
}

/** Tools that cannot be called are no part of the prompt. */
function withoutTools(request: ChatRequest): ChatRequest {
  if (request.tool_choice !== "none") return request;
  const { tools: _, tool_choice: __, ...rest } = request;
  return rest;
}
