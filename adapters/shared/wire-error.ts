// An error of an adapter as a message between two processes.
import { AdapterError } from "../adapter.ts";
import type { AdapterErrorCode, ContextCounts } from "../error-options.ts";

/** `code` is absent where the failure is a bug of ingle: the server then logs it and tells the client nothing of it. */
export interface WireError {
  code?: AdapterErrorCode;
  message: string;
  param?: string | undefined;
  public_message?: string | undefined;
  context?: ContextCounts | undefined;
}

export function toWireError(error: unknown): WireError {
  if (error instanceof AdapterError) {
    const { code, message, param, public_message, context } = error;
    return { code, message, param, public_message, context };
  }
  return { message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

export function fromWireError({ code, message, ...options }: WireError): Error {
  return code === undefined ? new Error(message) : new AdapterError(code, message, options);
}
