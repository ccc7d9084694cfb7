// The one error class that handlers throw, and the one place that turns an error into OpenAI's body.
import { AdapterError } from "../../adapters/adapter.ts";
import type { AdapterErrorCode, ContextCounts } from "../../adapters/error-options.ts";
import { json } from "./json.ts";
import { retryHeaders } from "./retries.ts";

export interface ApiErrorOptions extends ErrorOptions {
  /** Path of the field at fault, such as `messages[0].role`. */
  param?: string | null;
  code?: string | null;
  headers?: Record<string, string>;
  /** What the owner is told instead of the message: with paths of this machine, addresses, and what other programs say. */
  owner_message?: string | undefined;
  /** Waiting does not mend it, although it may mend others with this code. */
  lasting?: boolean;
  /** Fields of the body, beside the message. */
  context?: ContextCounts | undefined;
}

/** An answer with an error status. The message goes to the client: no stack, no path of this machine. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly param: string | null;
  readonly code: string | null;
  readonly headers: Record<string, string>;
  readonly owner_message: string | undefined;
  readonly lasting: boolean;
  readonly context: ContextCounts | undefined;

  constructor(status: number, message: string, options: ApiErrorOptions = {}) {
    const { param = null, code = null, headers = {}, owner_message, lasting = false, context, ...more } = options;
    super(message, more);
    this.status = status;
    this.param = param;
    this.code = code;
    this.headers = headers;
    this.owner_message = owner_message;
    this.lasting = lasting;
    this.context = context;
  }
}

/** The 400 for a field whose value cannot be used. */
export function invalidValue(message: string, param: string, code = "invalid_value"): ApiError {
  return new ApiError(400, message, { param, code });
}

/** OpenAI's error body, and the counts of a prompt that is too long, as llama-server has them. */
export interface ErrorBody {
  error: { message: string; type: string; param: string | null; code: string | null } & Partial<ContextCounts>;
}

/** What one is told of an error; `for_owner`: with what others are not told. */
export function messageFor(
  { message, owner_message }: { message: string; owner_message?: string | undefined },
  for_owner: boolean,
): string {
  return for_owner ? (owner_message ?? message) : message;
}

export function errorBody(error: ApiError, for_owner = false): ErrorBody {
  const { status, param, code, context } = error;
  const type = status >= 500 ? "server_error" : "invalid_request_error";
  return { error: { message: messageFor(error, for_owner), type, param, code, ...context } };
}

export function errorResponse(error: ApiError, c: Parameters<typeof json>[0] = { env: {} }, for_owner = false): Response {
  const { status, code, lasting } = error;
  return json(c, errorBody(error, for_owner), { status, headers: { ...retryHeaders(status, code, lasting), ...error.headers } });
}

/** `code`: the API's own for that mistake, whoever finds it. `param` and `retry_after` (seconds) hold where the adapter names none. */
const ANSWERS: Record<AdapterErrorCode, { status: number; code?: string; param?: string; retry_after?: number }> = {
  context_length_exceeded: { status: 400, param: "messages" },
  engine_crashed: { status: 502 },
  engine_timeout: { status: 504 },
  engine_unavailable: { status: 503, retry_after: 5 },
  generation_failed: { status: 500 },
  messages_refused: { status: 400, param: "messages" },
  model_load_failed: { status: 500, param: "model" },
  request_refused: { status: 400, code: "invalid_value" },
  request_unsupported: { status: 400, code: "unsupported_parameter" },
  template_failed: { status: 400, param: "model" },
  unsupported_schema: { status: 400 },
  upstream_error: { status: 502 },
  upstream_busy: { status: 429, retry_after: 5 },
};

/** A thrown value as an `ApiError`: an unknown one becomes an opaque 500 that keeps its cause for the log. */
export function toApiError(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown;
  if (thrown instanceof AdapterError) {
    const { status, code = thrown.code, param = null, ...answer } = ANSWERS[thrown.code];
    const retry_after = thrown.retry_after ?? answer.retry_after;
    return new ApiError(status, thrown.public_message ?? thrown.message, {
      param: thrown.param ?? param,
      code,
      headers: retry_after === undefined ? {} : { "retry-after": String(retry_after) },
      owner_message: thrown.message,
      lasting: thrown.lasting,
      context: thrown.context,
      cause: thrown,
    });
  }
  return new ApiError(500, "The server made an error. It is in its log, under the x-request-id of this answer.", {
    code: "server_error",
    // The owner's commands may run without a log.
    owner_message: `The server made an error: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
    cause: thrown,
  });
}
