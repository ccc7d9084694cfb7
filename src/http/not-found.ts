// The 404s of what the store and the library hold: what is not there, and where to see what is.
import { ApiError } from "./errors.ts";
import { quote } from "../support/quote.ts";

export function noThread(id: string): ApiError {
  const sentence = (lists: string): string => `There is no thread ${quote(id)}. ${lists} lists those that there are.`;
  return missing(sentence("GET /v1/threads"), "thread", { owner_message: sentence('"ingle threads"') });
}

export function noMessage(id: string): ApiError {
  return missing(`There is no message ${quote(id)} in this thread. GET on its messages lists those that there are.`, "message");
}

export function noMessageFile(id: string): ApiError {
  return missing(`The message has no file ${quote(id)}. Its "file_ids" are those that it has.`, "file");
}

export function noAssistant(id: string, param?: string): ApiError {
  return missing(`There is no assistant ${quote(id)}. GET /v1/assistants lists those that there are.`, "assistant", { param });
}

/** `param` is where the id stands. */
export function noModel(id: string, param = "model_id"): ApiError {
  const sentence = (lists: string): string =>
    `Model ${quote(id)} is not installed. ${lists} shows what is, "ingle list --catalog" what can be pulled.`;
  return missing(sentence("GET /v1/models"), "model", { param, owner_message: sentence('"ingle list"') });
}

export function notInCatalog(id: string): ApiError {
  return missing(`Model ${quote(id)} is not in the catalogue. "ingle list --catalog" shows those that are.`, "model");
}

export function noDownload(id: string): ApiError {
  const message = `Model ${quote(id)} is not being downloaded. POST /v1/models/download/{id} starts that.`;
  return missing(message, "download", { param: "model_id" });
}

function missing(
  message: string,
  kind: string,
  { param = `${kind}_id`, ...options }: { param?: string | undefined; owner_message?: string } = {},
): ApiError {
  return new ApiError(404, message, { param, code: `${kind}_not_found`, ...options });
}
