// The one error class that handlers throw, and the one place that turns an error into OpenAI's body.
import { AdapterError, type AdapterErrorCode } from "../../adapters/adapter.ts";
import { json } from "./json.ts";

export interface ApiErrorOptions extends ErrorOptions {
  /** Path of the field at fault, such as `messages[0].role`. */
  param?: string | null;
  code?: string | null;
  headers?: Record<string, string>;
}

/** An answer with an error status. The message goes to the client: no stack, no path of this machine. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly param: string | null;
  readonly code: string | null;
  readonly headers: Record<string, string>;

  constructor(status: number, message: string, { param = null, code = null, headers = {}, ...options }: ApiErrorOptions = {}) {
    super(message, options);
    this.status = status;
    this.param = param;
    this.code = code;
    this.headers = headers;
  }
}

/** The 400 for a field whose value cannot be used. */
export function invalidValue(message: string, param: string, code = "invalid_value"): ApiError {
  return new ApiError(400, message, { param, code });
}

/** OpenAI's error body. */
export interface ErrorBody {
  error: { message: string; type: string; param: string | null; code: string | null };
}

export function errorBody({ status, message, param, code }: ApiError): ErrorBody {
  return { error: { message, type: status >= 500 ? "server_error" : "invalid_request_error", param, code } };
}

export function errorResponse(error: ApiError, c: Parameters<typeof json>[0] = { env: {} }): Response {
  return json(c, errorBody(error), { status: error.status, headers: error.headers });
}

const STATUS: Record<AdapterErrorCode, number> = {
  context_length_exceeded: 400,
  engine_crashed: 502,
  engine_timeout: 504,
  engine_unavailable: 503,
  messages_refused: 400,
  model_load_failed: 500,
  request_refused: 400,
  request_unsupported: 400,
  template_failed: 500,
  upstream_error: 502,
  upstream_busy: 429,
};

// Codes that the API has for these mistakes of a client, whoever finds them.
const CODE: Partial<Record<AdapterErrorCode, string>> = {
  request_refused: "invalid_value",
  request_unsupported: "unsupported_parameter",
};

// Seconds after which another try makes sense, where the adapter names none.
const RETRY_AFTER: Partial<Record<AdapterErrorCode, number>> = { engine_unavailable: 5, upstream_busy: 5 };

// The field at fault, where the adapter names none.
const PARAM: Partial<Record<AdapterErrorCode, string>> = {
  context_length_exceeded: "messages",
  messages_refused: "messages",
  model_load_failed: "model",
  template_failed: "model",
};

/** A thrown value as an `ApiError`: an unknown one becomes an opaque 500 that keeps its cause for the log. */
export function toApiError(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown;
  if (thrown instanceof AdapterError) {
    const retry_after = thrown.retry_after ?? RETRY_AFTER[thrown.code];
    return new ApiError(STATUS[thrown.code], thrown.message, {
      param: thrown.param ?? PARAM[thrown.code] ?? null,
      code: CODE[thrown.code] ?? thrown.code,
      headers: retry_after === undefined ? {} : { "retry-after": String(retry_after) },
      cause: thrown,
    });
  }
  return new ApiError(500, "The server made an error. It is in its log, under the x-request-id of this answer.", {
    code: "server_error",
    cause: thrown,
  });
}
