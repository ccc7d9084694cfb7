// Requests for a text that goes on with a prompt, and for the tokens of texts.
import type { GenerationRequest } from "./generation-request.ts";

export interface CompletionRequest extends GenerationRequest {
  /** Never empty. In a text, names of special tokens become these, and what a sequence begins with comes before it; tokens stay as they are. */
  prompt: string | readonly number[];
  /** What stands behind the text: the answer fills the gap. Never empty. Of models with tokens for that, where the prompt is no other's. */
  suffix?: string;
  /** 0 or more. */
  max_tokens: number;
  /** Capability `prompt_logprobs`: the tokens of the prompt come with their probabilities, and with so many of their likeliest rivals. */
  score_prompt?: { top: number };
}

export interface TokenizeOptions {
  /** With the tokens that a sequence begins and ends with, as the model wants them; the first of them comes once. */
  add_special: boolean;
  /** Names of special tokens become these. */
  parse_special: boolean;
}
