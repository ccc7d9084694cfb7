// The sentences of `library.ts`: what is wrong with a model, and what to run.
import type { ModelFile } from "../models/model.ts";
import { ApiError, shown } from "./errors.ts";
import { LockedError } from "./store/pull-lock.ts";

/** The reason goes to the log by way of `cause`: it may show a path of this machine. An error of the disk comes back as it is. */
export function damaged(id: string, cause: Error & { code?: string }): Error {
  if (/^E(?!RR_|LOOP)/.test(cause.code ?? "")) return cause; // the disk's failure says nothing about the record

  const message = `The record of model ${shown(id)} is damaged. Mend it by hand, or run "ingle rm ${id}" and fetch the model again.`;
  return new ApiError(500, message, { code: "corrupted_entity", cause });
}

export function missing(id: string, file: ModelFile): ApiError {
  return corrupted(`The file "${file.name}" of model ${shown(id)} is missing. ${remedy(id, file)}`);
}

export function resized(id: string, file: ModelFile, size: number): ApiError {
  return corrupted(
    `The file "${file.name}" of model ${shown(id)} has ${size} bytes instead of ${file.size}. ${remedy(id, file)}`,
  );
}

function remedy(id: string, file: ModelFile): string {
  return file.path === undefined ? `Run "ingle pull ${id}".` : `Put it back where it was, or run "ingle rm ${id}".`;
}

function corrupted(message: string): ApiError {
  return new ApiError(500, message, { code: "model_corrupted", param: "model" });
}

export function unknown(id: string): ApiError {
  return new ApiError(404, `The model ${shown(id)} is not in the catalogue. "ingle list --catalog" shows what is.`, {
    code: "model_not_found",
    param: "model",
  });
}

/** A held lock as an answer; anything else as it is. */
export function busy(id: string, error: unknown): unknown {
  if (!(error instanceof LockedError)) return error;
  const holder = error.pid === undefined ? "Another process" : `Process ${error.pid}`;
  return new ApiError(409, `${holder} is downloading the model ${shown(id)}. Wait for it to end.`, {
    code: "model_not_ready",
    param: "model",
    cause: error,
  });
}
