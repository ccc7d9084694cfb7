// An answer that its grammar leaves nothing to go on with: a mistake in the request where the grammar is the client's, and else one of ours.
import { AdapterError } from "../adapter.ts";

/** What an engine throws; whose the grammar is, it does not know. */
export const grammarDeadEnd = (message: string): AdapterError =>
  new AdapterError("generation_failed", message, { param: "grammar" });

/** The error that a client gets for one of a generation. */
export function namedDeadEnd(error: unknown, { grammar }: { grammar?: string | undefined }): unknown {
  if (!(error instanceof AdapterError) || error.code !== "generation_failed" || error.param !== "grammar") return error;
  if (grammar === undefined) return new AdapterError("generation_failed", error.message, { cause: error });
  const message = '"grammar" has a place where no text of this model fits, and the answer has come to it. Change the grammar.';
  return new AdapterError("request_refused", message, { param: "grammar", cause: error });
}
