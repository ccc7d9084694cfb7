// The refusal of a text that a model for embeddings or ranks cannot take whole. Nothing is cut off in silence.
import { AdapterError } from "../../adapter.ts";

/** Characters that a token has at most, in texts that anybody writes: longer ones are refused before they are counted. */
const MOST_CHARACTERS = 64;

interface LengthLimit {
  /** Tokens. */
  longest: number;
  /** Of the request, such as `input[3]`. */
  param: string;
  /** What is too long besides, such as " and the query together". */
  with?: string;
}

/** Throws `AdapterError` `context_length_exceeded`. */
export function refuseLongText(characters: number, { longest, param, with: more = "" }: LengthLimit): void {
  if (characters <= longest * MOST_CHARACTERS) return;
  throw tooLong(`"${param}"${more} has ${characters} characters`, longest, param);
}

/** Throws `AdapterError` `context_length_exceeded`. */
export function refuseManyTokens(tokens: number, { longest, param, with: more = "" }: LengthLimit): void {
  if (tokens <= longest) return;
  throw tooLong(`"${param}"${more} has ${tokens} tokens`, longest, param, tokens);
}

/** With the words by which libraries know that a text is to be cut. */
function tooLong(what: string, longest: number, param: string, n_prompt_tokens?: number): AdapterError {
  const message = `${what}, and this model's maximum context length is ${longest} tokens for a text. Cut it into shorter ones.`;
  return new AdapterError("context_length_exceeded", message, { param, context: { n_prompt_tokens, n_ctx: longest } });
}
