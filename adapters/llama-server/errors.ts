// What llama-server's errors mean to ingle's clients.
import { AdapterError, type ChatRequest } from "../adapter.ts";
import { contextExceeded } from "../shared/context-exceeded.ts";
import type { ServerErrorBody } from "../shared/openai-stream/error-body.ts";

/** `status`: undefined for an error amid a stream. `id`: of the model. */
export function toAdapterError(body: ServerErrorBody, status: number | undefined, id: string): AdapterError {
  const { type, message, error } = body;
  if (type === "exceed_context_size_error") {
    const { n_prompt_tokens, n_ctx } = error;
    return contextExceeded({ n_prompt_tokens: Number(n_prompt_tokens), n_ctx: Number(n_ctx) });
  }
  // llama-server reports a template that breaks as its own failure, and a template that refuses the messages as one that breaks.
  const refusal = /Jinja Exception: ([^\n]*)/.exec(message)?.[1];
  if (refusal !== undefined) {
    return new AdapterError("messages_refused", `The model's chat template refuses these messages: ${refusal.slice(0, 200)}`);
  }
  if (message.includes("While executing")) {
    const last = message.trim().split("\n").at(-1)!.slice(0, 200);
    return new AdapterError("template_failed", `The model's chat template failed (${last}).`);
  }
  if (status === 400 || status === 501) {
    return new AdapterError("request_refused", `The engine refuses the request: ${message}`);
  }
  if (message.includes("Unexpected empty grammar stack")) {
    return new AdapterError("request_refused", "The grammar that the engine makes of the request leaves no text to go on with.");
  }
  const retry_after = status === 503 ? 1 : undefined;
  const public_message = `The engine of model "${id}" failed. The server's log says why.`;
  return new AdapterError("engine_unavailable", `The engine of model "${id}" failed: ${message}`, {
    retry_after,
    public_message,
  });
}

/** Adds the name of the field at fault to a refused request, where that is sure. */
export function withParam(error: unknown, request: ChatRequest): unknown {
  if (!(error instanceof AdapterError) || error.code !== "request_refused" || error.param !== undefined) return error;
  return new AdapterError(error.code, error.message, { param: grammarParam(error.message, request), cause: error });
}

/** llama-server names no field, but a grammar comes from one field alone: request-body.ts lets no two of these through together. */
function grammarParam(message: string, { grammar, response_format, tools }: ChatRequest): string | undefined {
  if (!/failed to parse grammar|JSON schema error at|^The grammar that the engine makes/.test(message)) return undefined;
  if (grammar !== undefined) return "grammar";
  if (response_format !== undefined) return "response_format";
  return tools === undefined ? undefined : "tools";
}
