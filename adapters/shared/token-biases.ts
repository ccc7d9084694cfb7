// The bias of a request for and against tokens, as both native engines add it.
import { AdapterError } from "../adapter.ts";
import type { TokenRequest } from "../token-engine.ts";

/** What OpenAI's API has for a token that must not come. */
export const NEVER = -100;

/**
 * Under a grammar a token that must not come is the least likely one instead: it comes where the grammar leaves nothing else, so that the answer is
 * what was asked for. Logits and penalties of other tokens come nowhere near.
 */
const LEAST_LIKELY = -1e5;

/** By token; -Infinity: it never comes. Throws `AdapterError` `request_refused` for tokens that the model does not have, and where none is left. */
export function tokenBiases(
  { logit_bias = {}, grammar }: Pick<TokenRequest, "logit_bias" | "grammar">,
  vocab_size: number,
): Map<number, number> {
  const biases = new Map<number, number>();
  for (const [id, bias] of Object.entries(logit_bias)) {
    checkToken(id, vocab_size);
    if (bias !== 0) biases.set(Number(id), bias > NEVER ? bias : grammar === undefined ? -Infinity : LEAST_LIKELY);
  }
  const banned = Object.values(logit_bias).filter((bias) => bias <= NEVER).length;
  if (banned < vocab_size) return biases;
  throw noTokenLeft();
}

export const noTokenLeft = (): AdapterError =>
  refusal('"logit_bias" leaves no token with which the answer could go on. Ban fewer tokens.');

function checkToken(id: string, size: number): void {
  if (/^\d+$/.test(id) && Number(id) < size) return;
  throw refusal(`"logit_bias" names the token ${id.slice(0, 40)}, and the model has the tokens 0 to ${size - 1}.`);
}

const refusal = (message: string): AdapterError => new AdapterError("request_refused", message, { param: "logit_bias" });
