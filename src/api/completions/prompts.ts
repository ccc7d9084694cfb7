// The prompts of a completion: a text, tokens, or a list of either.
import { ApiError, invalidValue } from "../../http/errors.ts";

/** `path`: where it stands in the body. */
export interface SentPrompt {
  prompt: string | readonly number[];
  path: string;
}

const MOST_PROMPTS = 128;

/** `may_be_empty`: a text follows behind the gap. Throws 400. */
export function readPrompts(sent: unknown, { may_be_empty }: { may_be_empty: boolean }): SentPrompt[] {
  if (sent == null) {
    const message = '"prompt" is missing. Add it to the request.';
    throw new ApiError(400, message, { param: "prompt", code: "missing_required_parameter" });
  }
  if (!Array.isArray(sent) || typeof sent[0] === "number") return [readPrompt(sent, "prompt", may_be_empty)];
  if (sent.length === 0) throw empty("prompt");
  if (sent.length > MOST_PROMPTS) {
    const message = `"prompt" has ${sent.length} items. At most ${MOST_PROMPTS} are allowed.`;
    throw invalidValue(message, "prompt", "too_many_items");
  }
  return sent.map((prompt, index) => readPrompt(prompt, `prompt[${index}]`, may_be_empty));
}

function readPrompt(prompt: unknown, path: string, may_be_empty: boolean): SentPrompt {
  if (typeof prompt !== "string" && !Array.isArray(prompt)) {
    const kinds = path === "prompt" ? "a string, an array of tokens, or an array of these" : "a string or an array of tokens";
    throw invalidValue(`"${path}" must be ${kinds}.`, path, "invalid_type");
  }
  if (prompt.length === 0 && !may_be_empty) throw empty(path);
  if (typeof prompt === "string") return { prompt, path };
  const wrong = prompt.findIndex((token) => !Number.isSafeInteger(token) || (token as number) < 0);
  if (wrong === -1) return { prompt: prompt as number[], path };
  const place = `${path}[${wrong}]`;
  const is_number = typeof prompt[wrong] === "number";
  throw invalidValue(
    `"${place}" must be the id of a token: a whole number, 0 or more.`,
    place,
    is_number ? "invalid_value" : "invalid_type",
  );
}

function empty(path: string): ApiError {
  return invalidValue(`"${path}" is empty. Send a text or tokens.`, path);
}
