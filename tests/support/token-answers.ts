// What a token engine answers, collected; and prompts for the tiny model, whose tokens are bytes.
import type { TokenLogprob } from "../../adapters/adapter.ts";
import type { TokenEngine, TokenEvent, TokenRequest } from "../../adapters/token-engine.ts";

export interface TokenAnswer {
  text: string;
  logprobs: TokenLogprob[];
  finish: Extract<TokenEvent, { type: "finish" }>;
}

/** The answers of all choices, in their order. */
export async function answersOf(engine: TokenEngine, request: TokenRequest): Promise<TokenAnswer[]> {
  const count = request.choices ?? 1;
  const answers = Array.from({ length: count }, () => ({
    text: "",
    logprobs: [] as TokenLogprob[],
    finish: undefined as unknown,
  }));
  for await (const event of engine.generate(request, AbortSignal.timeout(60_000))) {
    const answer = answers[event.choice ?? 0]!;
    if (event.type === "finish") answer.finish = event;
    if (event.type !== "text") continue;
    answer.text += event.text;
    answer.logprobs.push(...(event.logprobs ?? []));
  }
  return answers as TokenAnswer[];
}

export async function answerOf(engine: TokenEngine, request: TokenRequest): Promise<TokenAnswer> {
  return (await answersOf(engine, request))[0]!;
}

/** As the tiny model reads it: the token of the beginning, then one a byte. */
export function bytePrompt(text: string): number[] {
  return [1, ...byteTokens(text)];
}

export function byteTokens(text: string): number[] {
  return [...Buffer.from(text)].map((byte) => byte + 3);
}
