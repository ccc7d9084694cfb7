// The sentences of `library.ts`: what is wrong with a model, and what to run.
import type { ModelFile } from "../../models/manifest.ts";
import type { SourceError } from "../../models/download-errors.ts";
import { ApiError, invalidValue } from "../http/errors.ts";
import { quote } from "../support/quote.ts";
import { shellWords } from "../support/shell-words.ts";

export function missingFile(id: string, file: ModelFile): ApiError {
  return corrupted(id, file, "is missing", `Put it back where it was, or run "ingle ${shellWords(["rm", id])}".`);
}

/** `path`: of a file that changes the model, which is the owner's to know. */
export function missingLora(id: string, path: string): ApiError {
  const remedy = `Put it back where it was, or leave it out with "ingle ${shellWords(["set", id, "--lora", "default"])}".`;
  const messageOf = (file: string): string => `${file} that changes the model ${quote(id)} (LoRA) is missing. ${remedy}`;
  const options = { code: "model_corrupted", param: "model", owner_message: messageOf(`The file ${quote(path)}`) };
  return new ApiError(500, messageOf("A file"), options);
}

export function resizedFile(id: string, file: ModelFile, size: number): ApiError {
  return corrupted(id, file, `has ${size} bytes instead of ${file.size}`, takeIt(id));
}

export function damagedFile(id: string, file: ModelFile): ApiError {
  const before = file.path === undefined ? "as it was fetched" : "as it was first used";
  return corrupted(id, file, `is not ${before}: its sha256 is another`, takeIt(id));
}

const takeIt = (id: string) => (path: string) => {
  const take = `ingle pull ${path} ${shellWords(["--id", id])}`;
  return `Put it back where it was, take it as it now is with "${take}", or run "ingle ${shellWords(["rm", id])}".`;
};

/** `inPlace`: the remedy for a file that is used in place, whose path is the owner's to know. */
function corrupted(id: string, file: ModelFile, fault: string, inPlace: string | ((path: string) => string)): ApiError {
  const remedy = (path: string): string => (typeof inPlace === "string" ? inPlace : inPlace(path));
  const message = (remedy: string): string => `The file "${file.name}" of model ${quote(id)} ${fault}. ${remedy}`;
  const options = { code: "model_corrupted", param: "model" };
  if (file.path === undefined) return new ApiError(500, message(`Run "ingle ${shellWords(["pull", id])}".`), options);
  return new ApiError(500, message(remedy("PATH")), { ...options, owner_message: message(remedy(shellWords([file.path]))) });
}

export function busyModel(id: string, change: "downloaded" | "removed"): ApiError {
  const message = `The model ${quote(id)} is being ${change}. Wait for that to end.`;
  return new ApiError(409, message, { code: "model_not_ready", param: "model_id" });
}

export function takenId(id: string): ApiError {
  const sentence = (option: string): string =>
    `The id ${quote(id)} stands for another model. Choose another with ${option}, or delete that model first.`;
  return new ApiError(409, sentence('"id"'), { code: "model_exists", param: "id", owner_message: sentence("--id") });
}

export function uncheckedFile(id: string): ApiError {
  const message = `The model ${quote(id)} is here, and was fetched without that size or sha256. Delete it first, or leave them out.`;
  return new ApiError(409, message, { code: "model_exists", param: "id" });
}

/** `pending` as in "100 models". */
export function tooManyPending(pending: string): ApiError {
  const message = `${pending} are pending, and no more may be. Wait until some are downloaded, or delete some: DELETE /v1/models/{id}, or "ingle rm ID".`;
  return new ApiError(429, message, { code: "too_many_pending" });
}

/** For a model that other servers run. */
export function upstreamModel(id: string, url: string): ApiError {
  const messageOf = (by: string): string => `The model ${quote(id)} is run by ${by}: there is nothing to be downloaded.`;
  const options = { code: "model_not_downloadable", param: "model_id", owner_message: messageOf(new URL(url).host) };
  return new ApiError(409, messageOf("another server"), options);
}

export function unreadableHeader(id: string, { message, public_message, code }: SourceError): ApiError {
  const messageOf = (words: string): string => `The file of model ${quote(id)} cannot be looked at. ${words}`;
  return new ApiError(502, messageOf(public_message), { code, param: "model_id", owner_message: messageOf(message) });
}

/** `fault`: what the file is instead, as a sentence. */
export function noModel(id: string, fault: string): ApiError {
  return invalidValue(`The model ${quote(id)} cannot be used. ${fault}`, "model_id");
}
