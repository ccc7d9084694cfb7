// Errors of writes on their way from one thread to another, which keeps neither their class nor their code.
import { systemCodeOf } from "../../../../models/system-code.ts";
import { UncertainWriteError } from "../../faults.ts";

export interface WriteFailure {
  message: string;
  code: string;
  /** The cause of an `UncertainWriteError`. */
  cause?: WriteFailure | undefined;
}

export function failureOf(error: unknown): WriteFailure | undefined {
  if (error === undefined) return undefined;
  const { message, cause } = error as Error;
  const code = systemCodeOf(error);
  return error instanceof UncertainWriteError ? { message, code, cause: failureOf(cause) } : { message, code };
}

export function errorOf(failure: WriteFailure | undefined): Error | undefined {
  if (failure === undefined) return undefined;
  const { message, code, cause } = failure;
  return cause
    ? new UncertainWriteError(message, { cause: errorOf(cause) })
    : Object.assign(new Error(message), code && { code });
}
