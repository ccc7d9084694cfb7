// The messages between the server and an engine's process: one JSON object a line, over standard input and output.
import type { InstalledModel } from "../../models/manifest.ts";
import { AdapterError, type AdapterErrorCode, type ChatEvent, type ChatRequest, type LoadOptions } from "../adapter.ts";

/** In ms: how long the engine may take to end once it is asked to. It may have conversations to save. */
export const CLOSE_MS = 8_000;

export type ToChild =
  | { type: "load"; model: InstalledModel; options: Omit<LoadOptions, "onProgress"> }
  | { type: "chat"; id: number; request: ChatRequest }
  | { type: "abort"; id: number };

export type FromChild =
  /** A sign of life. */
  | { type: "loading" }
  | { type: "loaded"; slots: number; context_length: number }
  | { type: "load_failed"; error: WireError }
  | { type: "event"; id: number; event: ChatEvent }
  | { type: "error"; id: number; error: WireError };

/** `code` is absent where the failure is a bug of ingle: the server then logs it and tells the client nothing of it. */
export interface WireError {
  code?: AdapterErrorCode;
  message: string;
  param?: string | undefined;
}

export function toWireError(error: unknown): WireError {
  if (error instanceof AdapterError) return { code: error.code, message: error.message, param: error.param };
  return { message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

export function fromWireError({ code, message, param }: WireError): Error {
  return code === undefined ? new Error(message) : new AdapterError(code, message, { param });
}

export const encodeMessage = (message: ToChild | FromChild): string => `${JSON.stringify(message)}\n`;

/**
 * Cuts arriving text into messages. Throws `SyntaxError` at a line that is not a JSON object, and `RangeError` at a line of more
 * than `longest` characters, finished or not.
 */
export function createMessageReader<T>(onMessage: (message: T) => void, longest: number): (text: string) => void {
  let pending = "";
  return (text) => {
    pending += text;
    let start = 0;
    for (let end = pending.indexOf("\n"); end >= 0; end = pending.indexOf("\n", start)) {
      if (end - start > longest) throw new RangeError(`A line of ${end - start} characters.`);
      const message: unknown = JSON.parse(pending.slice(start, end));
      if (typeof message !== "object" || message === null) throw new SyntaxError("A line that is not an object.");
      onMessage(message as T);
      start = end + 1;
    }
    pending = pending.slice(start);
    if (pending.length > longest) throw new RangeError(`A line of more than ${longest} characters.`);
  };
}
