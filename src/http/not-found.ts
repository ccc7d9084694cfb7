// The 404s of what the store and the library hold: what was asked for, and where to see what there is.
import { ApiError } from "./errors.ts";
import { quote } from "../support/quote.ts";

/** `param`: where the id stands. */
export function noModel(id: string, param = "model_id"): ApiError {
  // An endless id is no command to be repeated.
  const way = id.length < 100 ? `Run "ingle pull ${id}", or see` : "See";
  return missing(`Model ${quote(id)} is not installed. ${way} GET /v1/models.`, "model", param);
}

export function noThread(id: string): ApiError {
  return missing(`There is no thread ${quote(id)}. GET /v1/threads lists those that there are.`, "thread");
}

export function noMessage(id: string): ApiError {
  return missing(`There is no message ${quote(id)} in this thread. GET on its messages lists those that there are.`, "message");
}

export function noAssistant(id: string, param?: string): ApiError {
  return missing(`There is no assistant ${quote(id)}. GET /v1/assistants lists those that there are.`, "assistant", param);
}

function missing(message: string, kind: string, param = `${kind}_id`): ApiError {
  return new ApiError(404, message, { param, code: `${kind}_not_found` });
}
