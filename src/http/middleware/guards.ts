// The order of the guards, in one place: nothing of a request is parsed before its key was seen.
import type { BodyLimits, Guard } from "../app-env.ts";
import type { AuthFailures } from "../auth-failures.ts";
import { authGuard } from "./auth.ts";
import { bodyLimitGuard } from "./body-limit.ts";
import { contentTypeGuard } from "./content-type.ts";
import { answerHeaders, type AnswerThrown } from "./headers.ts";
import { hostGuard } from "./host.ts";
import { originGuard } from "./origin.ts";
import { MAX_VALUES } from "../json-shape.ts";
import type { RequestObserver } from "../request-observer.ts";
import type { TrustedProxies } from "../../support/trusted-proxies.ts";
import { storageGuard } from "./storage.ts";

export interface GuardOptions {
  /** Names and addresses accepted in `Host` beside those of loopback, without port. */
  hosts: string[];
  /** The server listens beyond loopback: private IP literals are accepted in `Host`. */
  wide: boolean;
  /** Other origins whose pages may call, such as `http://localhost:3000`; `*` is any and needs a key. */
  origins: string[];
  /** Without one everybody who passes host and origin may call. */
  keys: string[];
  /** The key of the owner's own commands, beside `keys`. */
  operator_key?: string | undefined;
  newRequestId: () => string;
  /** Counts refused keys, and delays their answers; absent: no more than refused. */
  auth_failures?: AuthFailures;
  /** Is told of each request and of its answer. */
  observeRequest?: RequestObserver;
  /** The proxies whose word about their clients counts; absent: none. */
  trusted_proxies?: TrustedProxies | undefined;
  /** Throws while the records cannot be reached; absent: they always can. */
  ensureStorage?: () => void | Promise<void>;
  /** Bytes of a body; 1 MiB unless said. */
  max_body?: number;
  /** Bytes of a body with what a model is to read, at least `max_body`; 10 MiB unless said. */
  body_limit?: number;
  /** Time for a whole body to arrive; 30 s unless said. */
  body_timeout_ms?: number;
}

/** Paths whose bodies hold what a model is to read. */
const READS_PROMPTS =
  /^\/(v1\/(chat\/|(completions|decisions|embeddings|rerank|tokenize|detokenize|apply-template)\/?$)|v2\/rerank\/?$)/;

/** Bytes of such a body unless said. */
const PROMPT_BODY = 10 * 2 ** 20;

/** The guards of every request as one middleware, in their order. Throws one sentence for options that are unsafe together. */
export function createGuards(options: GuardOptions, answerThrown: AnswerThrown): Guard {
  const { hosts, wide, origins, keys, operator_key, newRequestId } = options;
  if (origins.includes("*") && keys.length === 0)
    throw new Error('--origins "*" opens the server to every web page. Set an API key too.');
  const timeout_ms = options.body_timeout_ms ?? 30_000;
  const limits = { max_bytes: options.max_body ?? 2 ** 20, timeout_ms };
  const promptLimits = promptLimitsOf(limits, options.body_limit ?? PROMPT_BODY);
  return inOrder([
    answerHeaders(newRequestId, answerThrown, options.observeRequest),
    hostGuard(hosts, wide, keys.length > 0),
    originGuard(origins, options.trusted_proxies),
    authGuard(keys, operator_key, options.auth_failures),
    contentTypeGuard,
    bodyLimitGuard((path) => (READS_PROMPTS.test(path) ? promptLimits : limits)),
    ...(options.ensureStorage ? [storageGuard(options.ensureStorage)] : []),
  ]);
}

/** Time and values are those of 10 MiB, and as much more as the body may be larger. */
function promptLimitsOf(limits: BodyLimits, body_limit: number): BodyLimits {
  const times = Math.max(1, body_limit / PROMPT_BODY);
  return {
    max_bytes: Math.max(limits.max_bytes, body_limit),
    timeout_ms: Math.round(limits.timeout_ms * times),
    max_values: Math.round(MAX_VALUES * times),
    option: "--body-limit",
  };
}

/**
 * One middleware out of several. Hono's own order makes promises for each: on Bun, `bench:store`, row `GET thread`, is then 0.90 of
 * what it is without middleware; handed on as here it is 0.94.
 */
function inOrder(guards: Guard[]): Guard {
  return function passGuards(c, next) {
    const pass = (position: number): Promise<void> => {
      const guard = guards[position];
      try {
        return guard === undefined ? next() : guard(c, () => pass(position + 1));
      } catch (refusal) {
        return Promise.reject(refusal);
      }
    };
    return pass(0);
  };
}
