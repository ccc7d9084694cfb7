// What goes wrong with another server, what the client is told of it, and whether one more server may be asked.
import { AdapterError, type AdapterErrorCode, type AdapterErrorOptions } from "../adapter.ts";
import { BrokenAnswer, FailedAnswer } from "../shared/openai-stream/answer-events.ts";
import type { ServerErrorBody } from "../shared/openai-stream/error-body.ts";

/**
 * `request`: it is the request's fault, and would be everywhere. `busy`: it has no room. `declined`: it was not reached, or did not
 * begin. `broken`: it had the request and failed, perhaps because of it: what kills one server is not to be handed on to all.
 */
export type Verdict = "request" | "busy" | "declined" | "broken";

export class ServerFailure extends AdapterError {
  readonly verdict: Verdict;

  constructor(verdict: Verdict, code: AdapterErrorCode, message: string, options?: AdapterErrorOptions) {
    super(code, message, options);
    this.verdict = verdict;
  }
}

/** Who is asked, for the sentences. */
export interface Asked {
  /** With its port. */
  host: string;
  /** What the model is called there. */
  model: string;
  /** The variable that holds the key. */
  key_env?: string | undefined;
  /** The fields of what is sent: of these alone the client is told that they are at fault. */
  fields?: readonly string[];
}

/** Of an answer with an error status. `headers`: by their names in lower case. */
export function refusalOf(asked: Asked, status: number, headers: Record<string, unknown>, told: ServerErrorBody): ServerFailure {
  const { host, model, key_env } = asked;
  const retry_after = secondsOf(headers["retry-after"]);
  const says = `${host} says: ${told.message}`;
  const declined = (code: AdapterErrorCode, message: string) => new ServerFailure("declined", code, message, { retry_after });
  if (status >= 300 && status < 400)
    return declined("upstream_error", `${host} redirects to another address. That is not followed: the key would go along.`);
  if (status === 401 || status === 403) {
    // Without its own words: some servers repeat the key.
    const which = key_env === undefined ? "has no key, and it wants one" : `has the key of ${key_env}, and it is refused`;
    return declined("engine_unavailable", `${host} answers ${status}: the request ${which}.`);
  }
  if (isOfRequest(status, told)) return requestAtFault(says, told, asked);
  if (status === 404) return declined("upstream_error", `${host} does not know the model "${model}" at this address. ${says}`);
  if (status === 429) return new ServerFailure("busy", "upstream_busy", says, { retry_after });
  if (status === 503) return declined("engine_unavailable", says);
  return new ServerFailure(status < 500 ? "declined" : "broken", "upstream_error", `${says} (status ${status})`);
}

/** Of whatever else ends a turn there before its time. */
export function failureOf(asked: Asked, error: unknown): ServerFailure {
  if (error instanceof ServerFailure) return error;
  if (error instanceof FailedAnswer) return refusalOf(asked, statusOf(error.told), {}, error.told);
  if (error instanceof BrokenAnswer)
    return new ServerFailure("broken", "upstream_error", `${asked.host} sent no proper answer. ${error.message}`, {
      cause: error,
    });
  throw error;
}

// llama-server has 500 for parts of messages that its model cannot read.
function isOfRequest(status: number, { message }: ServerErrorBody): boolean {
  return [400, 413, 422].includes(status) || (status === 500 && /\bnot supported\b/.test(message));
}

const OF_CONTEXT = /context_length_exceeded|exceed_context_size_error/;
const OF_CONTEXT_WORDS = /maximum context length|context length exceeded|longer than the maximum model length/i;

function requestAtFault(says: string, { message, type, code, error }: ServerErrorBody, { fields }: Asked): ServerFailure {
  if (!OF_CONTEXT.test(`${type} ${code}`) && !OF_CONTEXT_WORDS.test(message))
    return new ServerFailure("request", "request_refused", says, { param: fieldOf(error, fields) });
  const { n_prompt_tokens, n_ctx } = error;
  const counted = typeof n_prompt_tokens === "number" && typeof n_ctx === "number";
  const counts = `The prompt has ${String(n_prompt_tokens)} tokens, the context holds ${String(n_ctx)}.`;
  return new ServerFailure("request", "context_length_exceeded", counted ? counts : says);
}

const LONGEST_PATH = 100;

/** The field that the server names, as a path like `messages[0].content`: its text goes to the client. */
function fieldOf({ param }: Record<string, unknown>, fields: readonly string[] = []): string | undefined {
  if (typeof param !== "string" || param.length > LONGEST_PATH) return undefined;
  const [, name] = /^(\w+)(?:\.\w+|\[\d+\])*$/.exec(param) ?? [];
  if (name === undefined || !fields.includes(name)) return undefined;
  return param.replace(/^repetition_penalty$/, "repeat_penalty");
}

/** Of an error amid an answer, which has no status: what it would have been. */
function statusOf({ code, type }: ServerErrorBody): number {
  if (typeof code === "number" && code >= 400 && code < 600) return code;
  return /invalid_request|BadRequest|exceed_context/.test(String(type)) ? 400 : 500;
}

const LONGEST_WAIT_S = 3_600;

/** `Retry-After` in whole seconds; both of its forms. */
function secondsOf(header: unknown): number | undefined {
  if (typeof header !== "string") return undefined;
  const seconds = /^\d+$/.test(header) ? Number(header) : Math.ceil((Date.parse(header) - Date.now()) / 1000);
  return Number.isNaN(seconds) ? undefined : Math.min(Math.max(seconds, 0), LONGEST_WAIT_S);
}
