// The texts of a request for embeddings: one, tokens of one, or a list of either.
import { ApiError, invalidValue } from "../../http/errors.ts";

export interface SentInputs {
  inputs: (string | readonly number[])[];
  /** What the path of an input is in the request as it was sent. */
  clientPath(path: string): string;
}

/** As OpenAI has it. */
export const MOST_INPUTS = 2_048;

/** Throws 400. */
export function readInputs(sent: unknown): SentInputs {
  if (sent == null) {
    const message = '"input" is missing. Add it to the request.';
    throw new ApiError(400, message, { param: "input", code: "missing_required_parameter" });
  }
  if (!Array.isArray(sent) || typeof sent[0] === "number")
    return { inputs: [readInput(sent, "input")], clientPath: (path) => path.replace(/^input\[0\]/, "input") };
  if (sent.length === 0) throw empty("input");
  if (sent.length > MOST_INPUTS) {
    const message = `"input" has ${sent.length} items. At most ${MOST_INPUTS} are allowed: send several requests.`;
    throw invalidValue(message, "input", "too_many_items");
  }
  return { inputs: sent.map((input, index) => readInput(input, `input[${index}]`)), clientPath: (path) => path };
}

function readInput(input: unknown, path: string): string | readonly number[] {
  if (typeof input !== "string" && !Array.isArray(input)) {
    const kinds = path === "input" ? "a string, an array of tokens, or an array of these" : "a string or an array of tokens";
    throw invalidValue(`"${path}" must be ${kinds}.`, path, "invalid_type");
  }
  if (input.length === 0) throw empty(path);
  if (typeof input === "string") return input;
  const wrong = input.findIndex((token) => !Number.isSafeInteger(token) || (token as number) < 0);
  if (wrong === -1) return input as number[];
  const place = `${path}[${wrong}]`;
  const code = typeof input[wrong] === "number" ? "invalid_value" : "invalid_type";
  throw invalidValue(`"${place}" must be the id of a token: a whole number, 0 or more.`, place, code);
}

function empty(path: string): ApiError {
  return invalidValue(`"${path}" is empty. Send a text or tokens.`, path);
}
