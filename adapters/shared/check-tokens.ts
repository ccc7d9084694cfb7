// Ids of tokens that clients send: one that the vocabulary has not ends a native process.
import { AdapterError } from "../adapter.ts";

/** `size`: tokens of the vocabulary. Throws `AdapterError` `request_refused`, whose `param` is the first that is not there, such as `prompt[3]`. */
export function checkTokens(tokens: readonly number[], size: number, field: string): void {
  const index = tokens.findIndex((token) => !Number.isSafeInteger(token) || token < 0 || token >= size);
  if (index === -1) return;
  const param = `${field}[${index}]`;
  const message = `"${param}" is the token ${tokens[index]}, and the model has the tokens 0 to ${size - 1}. Send the tokens that POST /v1/tokenize gives.`;
  throw new AdapterError("request_refused", message, { param });
}
