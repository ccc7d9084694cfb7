// A field that holds a text, the tokens of one, or a list of either.
import { ApiError, invalidValue } from "../../http/errors.ts";

/** `path`: where it stands in the body. */
export interface SentText {
  text: string | readonly number[];
  path: string;
}

export interface TextsField {
  field: string;
  /** How many there may be. */
  most: number;
  may_be_empty?: boolean;
}

/** Throws 400. */
export function readSentTexts(sent: unknown, { field, most, may_be_empty = false }: TextsField): SentText[] {
  if (sent == null) {
    const message = `"${field}" is missing. Add it to the request.`;
    throw new ApiError(400, message, { param: field, code: "missing_required_parameter" });
  }
  if (!Array.isArray(sent) || typeof sent[0] === "number") {
    if (typeof sent === "string" || Array.isArray(sent)) return [readText(sent, field, may_be_empty)];
    const forms = 'a string such as "Hello", an array of tokens such as [42], or an array of these such as ["Hello",[42]]';
    throw invalidValue(`"${field}" must be ${forms}.`, field, "invalid_type");
  }
  if (sent.length === 0) throw isEmpty(field);
  if (sent.length > most) {
    const message = `"${field}" has ${sent.length} items. At most ${most} are allowed: send several requests.`;
    throw invalidValue(message, field, "too_many_items");
  }
  return sent.map((text, index) => readText(text, `${field}[${index}]`, may_be_empty));
}

function readText(text: unknown, path: string, may_be_empty: boolean): SentText {
  if (typeof text !== "string" && !Array.isArray(text))
    throw invalidValue(`"${path}" must be a string or an array of tokens.`, path, "invalid_type");
  if (text.length === 0 && !may_be_empty) throw isEmpty(path);
  if (typeof text === "string") return { text, path };
  const wrong = text.findIndex((token) => !Number.isSafeInteger(token) || (token as number) < 0);
  if (wrong === -1) return { text: text as number[], path };
  const place = `${path}[${wrong}]`;
  const code = typeof text[wrong] === "number" ? "invalid_value" : "invalid_type";
  throw invalidValue(`"${place}" must be the id of a token: a whole number, 0 or more.`, place, code);
}

function isEmpty(path: string): ApiError {
  return invalidValue(`"${path}" is empty. Send a text or tokens.`, path);
}
