// An error of an adapter as a message between two processes.
import { AdapterError, type AdapterErrorCode } from "../adapter.ts";

/** `code` is absent where the failure is a bug of ingle: the server then logs it and tells the client nothing of it. */
export interface WireError {
  code?: AdapterErrorCode;
  message: string;
  param?: string | undefined;
  public_message?: string | undefined;
}

export function toWireError(error: unknown): WireError {
  if (error instanceof AdapterError) {
    const { code, message, param, public_message } = error;
    return { code, message, param, public_message };
  }
  return { message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

export function fromWireError({ code, message, param, public_message }: WireError): Error {
  return code === undefined ? new Error(message) : new AdapterError(code, message, { param, public_message });
}
