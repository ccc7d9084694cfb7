// What llama-server's errors mean to ingle's clients.
import { AdapterError, type ChatRequest } from "../adapter.ts";
import type { ServerErrorBody } from "../shared/openai-stream/error-body.ts";

/** Of an answer that has an error status, or of an error amid an answer, which has none. `id`: of the model. */
export function refusalOf(told: ServerErrorBody, status: number | undefined, id: string): AdapterError {
  const { type, message, error } = told;
  if (type === "exceed_context_size_error") return tooLong(error);
  // A template that breaks is told as a failure of the server, and one that refuses as one that breaks.
  const said = /Jinja Exception: ([^\n]*)/.exec(message)?.[1];
  if (said !== undefined) {
    return new AdapterError("messages_refused", `The model's chat template refuses these messages: ${said.slice(0, 200)}`);
  }
  if (message.includes("While executing")) {
    const last = message.trim().split("\n").at(-1)!.slice(0, 200);
    return new AdapterError("template_failed", `The model's chat template failed (${last}).`);
  }
  if (status === 400 || status === 501) {
    return new AdapterError("request_refused", `The engine refuses the request: ${message}`);
  }
  const failed = `The engine of model "${id}" failed: ${message}`;
  if (status === 503) return new AdapterError("engine_unavailable", failed, { retry_after: 1 });
  return new AdapterError("engine_unavailable", failed);
}

function tooLong({ n_prompt_tokens, n_ctx }: Record<string, unknown>): AdapterError {
  const message = `The prompt has ${n_prompt_tokens} tokens, the context holds ${n_ctx} with the answer. Shorten it.`;
  return new AdapterError("context_length_exceeded", message);
}

/** The error of a turn; a refusal names the field at fault, where that is sure. */
export function fieldNamed(error: unknown, request: ChatRequest): unknown {
  if (!(error instanceof AdapterError) || error.code !== "request_refused" || error.param !== undefined) return error;
  return new AdapterError(error.code, error.message, { param: fieldOf(error.message, request), cause: error });
}

/** It names none, but what it stumbles over comes from one alone: body.ts lets no two of these through together. */
function fieldOf(message: string, { grammar, response_format, tools }: ChatRequest): string | undefined {
  if (!/failed to parse grammar|JSON schema error at/.test(message)) return undefined;
  if (grammar !== undefined) return "grammar";
  if (response_format !== undefined) return "response_format";
  return tools === undefined ? undefined : "tools";
}
