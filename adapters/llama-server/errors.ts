// What llama-server's errors mean to ingle's clients. A server that answers with an error lives, and would answer the same request so again:
// what the client got wrong is refused with its field, and the rest is no reason to wait.
import { AdapterError, type ChatRequest } from "../adapter.ts";
import { contextExceeded } from "../shared/context-exceeded.ts";
import { continuedMessage } from "../shared/continued-message.ts";
import type { ServerErrorBody } from "../shared/openai-stream/error-body.ts";

/** `status`: undefined for an error amid a stream. `id`: of the model. */
export function toAdapterError(
  body: ServerErrorBody,
  status: number | undefined,
  request: ChatRequest,
  id: string,
): AdapterError {
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
  const constraint = constraintOf(request);
  if (message.includes("Unexpected empty grammar stack")) {
    const none = "The grammar that the engine makes of the request leaves no text to go on with.";
    return new AdapterError("request_refused", none, { param: constraint });
  }
  if (message.includes("Failed to initialize samplers") && constraint !== undefined && continuedMessage(request) !== undefined) {
    const last = `messages[${request.messages.length - 1}]`;
    const sentence = `The answer goes on with "${last}", which is no beginning of what "${constraint}" permits. Send "continue_final_message": false to have a new answer, or leave "${constraint}" out.`;
    return new AdapterError("request_refused", sentence, { param: "messages" });
  }
  if (status === 400 || status === 501 || OF_THE_REQUEST.test(message)) {
    const said = message.replace(PREFIXES, "");
    return new AdapterError("request_refused", `The engine refuses the request: ${said}`, { param: fieldOf(message, request) });
  }
  return status === 503 ? unavailable(message, id) : failed(message, id);
}

/** Failures of llama-server's own, by their status, that only another request mends. */
const OF_THE_REQUEST =
  /Failed to (?:parse (?:messages|tools|tool call)|load image|tokenize prompt|format input)|[Ii]nvalid base64|(?:image|audio|video) input is not supported|too large to process/;

const PREFIXES = /^Unable to generate parser for this template\. Automatic parser generation failed: /;

/** llama-server names few fields. A grammar comes from one field alone: request-body.ts lets no two of these through together. */
function fieldOf(message: string, request: ChatRequest): string {
  const named = /^Field '(\w+)'/.exec(message)?.[1];
  if (named !== undefined) return named === "n_predict" ? "max_tokens" : named;
  if (/grammar|schema|parser|sampler|tool/i.test(message)) return constraintOf(request) ?? "messages";
  return "messages";
}

function constraintOf({ grammar, response_format, tools }: ChatRequest): string | undefined {
  if (grammar !== undefined) return "grammar";
  if (response_format !== undefined) return "response_format";
  return tools === undefined ? undefined : "tools";
}

function unavailable(message: string, id: string): AdapterError {
  const public_message = `The engine of model "${id}" is not ready. The server's log says why.`;
  const owner = `The engine of model "${id}" is not ready: ${message}`;
  return new AdapterError("engine_unavailable", owner, { retry_after: 1, public_message });
}

function failed(message: string, id: string): AdapterError {
  if (message.includes("The model produced output that does not match")) {
    const sentence = `Model "${id}" has answered with something that is neither text nor a call of a tool as its template writes it. Ask again in other words, or without tools.`;
    return new AdapterError("generation_failed", sentence);
  }
  const public_message = `The engine of model "${id}" failed at this request. The server's log says why.`;
  return new AdapterError("generation_failed", `The engine of model "${id}" failed at this request: ${message}`, {
    public_message,
  });
}
