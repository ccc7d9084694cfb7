// What goes wrong with another server, which error the client gets, and whether one more server may be tried.
import { AdapterError } from "../adapter.ts";
import type { AdapterErrorCode, AdapterErrorOptions } from "../error-options.ts";
import { contextMessage } from "../shared/context-exceeded.ts";
import { BrokenAnswer, FailedAnswer } from "../shared/openai-stream/answer-events.ts";
import type { ServerErrorBody } from "../shared/openai-stream/error-body.ts";
import { contextCounts, isContextExceeded, TOO_LARGE_A_STEP } from "./context-words.ts";

/**
 * `request`: the request is at fault, and would be everywhere. `busy`: the server has no free slot. `declined`: the server was not reached,
 * or did not begin. `broken`: the server had the request and failed, perhaps because of it: what kills one server must not reach all.
 */
export type FailureVerdict = "request" | "busy" | "declined" | "broken";

export class ServerFailure extends AdapterError {
  readonly verdict: FailureVerdict;

  constructor(verdict: FailureVerdict, code: AdapterErrorCode, message: string, options?: AdapterErrorOptions) {
    super(code, message, options);
    this.verdict = verdict;
  }
}

/** What clients are told: which server it is, and what it says of itself, is for the owner. */
export const publicMessageOf = (what: string): string => `The server that runs this model ${what}.`;

/** The server and model of a request, as errors name them. */
export interface UpstreamTarget {
  /** With its port. */
  host: string;
  /** What the model is called there. */
  model: string;
  /** The environment variable that holds the key. */
  key_env?: string | undefined;
  /** The fields of the body: an error of the server blames one of these, or none. */
  fields?: readonly string[];
}

/** The failure of a response with an error status. `headers`: by their names in lower case. */
export function statusFailure(
  target: UpstreamTarget,
  status: number,
  headers: Record<string, unknown>,
  body: ServerErrorBody,
): ServerFailure {
  const { host, model, key_env } = target;
  const retry_after = parseRetryAfter(headers["retry-after"]);
  const says = `${host} says: ${body.message}`;
  const declined = (code: AdapterErrorCode, message: string, reason: string, lasting = true) =>
    new ServerFailure("declined", code, message, { retry_after, lasting, public_message: publicMessageOf(reason) });
  if (status >= 300 && status < 400) {
    const message = `${host} redirects to another address. That is not followed: the key would go along.`;
    return declined("upstream_error", message, "redirects to another address");
  }
  if (status === 401 || status === 403) {
    // The server's own message is left out: some servers repeat the key.
    const which = key_env === undefined ? "has no key, and it wants one" : `has the key of ${key_env}, and it is refused`;
    return declined("engine_unavailable", `${host} answers ${status}: the request ${which}.`, "takes no request with our key");
  }
  if (isRequestFault(status, body)) return requestFailure(says, body, target);
  if (status === 404) {
    const message = `${host} does not know the model "${model}" at this address. ${says}`;
    return declined("upstream_error", message, "does not know it");
  }
  if (status === 429)
    return new ServerFailure("busy", "upstream_busy", says, { retry_after, public_message: publicMessageOf("is busy") });
  if (status === 503) return declined("engine_unavailable", says, "is not ready", false);
  const public_message = publicMessageOf(`failed (status ${status})`);
  const verdict = status < 500 ? "declined" : "broken";
  return new ServerFailure(verdict, "upstream_error", `${says} (status ${status})`, { public_message, lasting: status < 500 });
}

/** The failure of whatever else ends a generation there too early. */
export function failureOfError(target: UpstreamTarget, error: unknown): ServerFailure {
  if (error instanceof ServerFailure) return error;
  if (error instanceof FailedAnswer) return statusFailure(target, impliedStatus(error.body), {}, error.body);
  if (!(error instanceof BrokenAnswer)) throw error;
  const message = `${target.host} sent no proper answer. ${error.message}`;
  const public_message = publicMessageOf("sent no proper answer");
  return new ServerFailure("broken", "upstream_error", message, { public_message, cause: error });
}

// llama-server answers 500 for parts of messages that its model cannot read, and for texts that are too long for one step.
const REQUEST_FAULTS = [/\bnot supported\b/, TOO_LARGE_A_STEP];

function isRequestFault(status: number, { message }: ServerErrorBody): boolean {
  return [400, 413, 422].includes(status) || (status === 500 && REQUEST_FAULTS.some((words) => words.test(message)));
}

function requestFailure(says: string, body: ServerErrorBody, { fields }: UpstreamTarget): ServerFailure {
  const { message, type, code, error } = body;
  // What is wrong with the request is for the client, who alone can mend it.
  const public_message = publicMessageOf(`says: ${message}`).slice(0, -1);
  if (!isContextExceeded(`${type} ${code}`, message))
    return new ServerFailure("request", "request_refused", says, { public_message, param: blamedField(error, fields) });
  const context = contextCounts(error, message);
  if (context === undefined) return new ServerFailure("request", "context_length_exceeded", says, { public_message });
  return new ServerFailure("request", "context_length_exceeded", contextMessage(context), { context });
}

const MAX_PATH = 100;

/** The field that the server blames, as a path like `messages[0].content`; its text goes to the client. */
function blamedField({ param }: Record<string, unknown>, fields: readonly string[] = []): string | undefined {
  if (typeof param !== "string" || param.length > MAX_PATH) return undefined;
  const [, name] = /^(\w+)(?:\.\w+|\[\d+\])*$/.exec(param) ?? [];
  if (name === undefined || !fields.includes(name)) return undefined;
  return param.replace(/^repetition_penalty$/, "repeat_penalty");
}

/** The status that an error amid an answer, which has none, would have had. */
function impliedStatus({ code, type }: ServerErrorBody): number {
  if (typeof code === "number" && code >= 400 && code < 600) return code;
  return /invalid_request|BadRequest|exceed_context/.test(String(type)) ? 400 : 500;
}

const MAX_RETRY_AFTER_S = 3_600;

/** `Retry-After` in whole seconds, from either form of RFC 9110 §10.2.3. */
function parseRetryAfter(header: unknown): number | undefined {
  if (typeof header !== "string") return undefined;
  const seconds = /^\d+$/.test(header) ? Number(header) : Math.ceil((Date.parse(header) - Date.now()) / 1000);
  return Number.isNaN(seconds) ? undefined : Math.min(Math.max(seconds, 0), MAX_RETRY_AFTER_S);
}
