// What llama-server's errors mean to ingle's clients. A server that answers with an error lives, and would answer the same request so again:
// what the client got wrong is refused with its field, and the rest is no reason to wait.
import { grammarDeadEnd } from "../shared/grammar-dead-end.ts";
import { AdapterError } from "../adapter.ts";
import { contextExceeded } from "../shared/context-exceeded.ts";
import type { ServerErrorBody } from "../shared/openai-stream/error-body.ts";

interface FailedRequest {
  /** Of the model. */
  id: string;
  /** It has a grammar, whoever has made it. */
  grammar?: boolean;
}

/** `status`: undefined for an error amid a stream. */
export function toAdapterError(body: ServerErrorBody, status: number | undefined, request: FailedRequest): AdapterError {
  const { type, message, error } = body;
  const { id, grammar = false } = request;
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
  if (grammar && message.includes("Unexpected empty grammar stack")) {
    return grammarDeadEnd(`Model "${id}" has come to a place where the grammar of its answer leaves no text to go on with.`);
  }
  if (status === 400 || status === 501 || OF_THE_REQUEST.test(message)) {
    const param = fieldOf(message, grammar);
    return new AdapterError("request_refused", `The engine refuses the request: ${message}`, { param });
  }
  return status === 503 ? unavailable(message, id) : failed(message, id);
}

/** Failures of llama-server's own, by their status, that only another request mends. */
const OF_THE_REQUEST =
  /Failed to (?:parse messages|load image|tokenize prompt|format input)|[Ii]nvalid base64|(?:image|audio|video) input is not supported|too large to process/;

/** llama-server names few fields. */
function fieldOf(message: string, grammar: boolean): string {
  const named = /^Field '(\w+)'/.exec(message)?.[1];
  if (named !== undefined) return named === "n_predict" ? "max_tokens" : named;
  return grammar && /grammar|sampler/i.test(message) ? "grammar" : "messages";
}

function unavailable(message: string, id: string): AdapterError {
  const public_message = `The engine of model "${id}" is not ready. The server's log says why.`;
  const owner = `The engine of model "${id}" is not ready: ${message}`;
  return new AdapterError("engine_unavailable", owner, { retry_after: 1, public_message });
}

function failed(message: string, id: string): AdapterError {
  const public_message = `The engine of model "${id}" failed at this request. The server's log says why.`;
  return new AdapterError("generation_failed", `The engine of model "${id}" failed at this request: ${message}`, {
    public_message,
  });
}
