// The order of the guards, in one place: nothing of a request is parsed before its key was seen.
import { Hono, type Context, type Handler, type Next } from "hono";
import type { AppEnv, BodyLimits, Guard } from "../app-env.ts";
import type { AuthFailures } from "../auth-failures.ts";
import { authGuard } from "./auth.ts";
import { bodyLimitGuard } from "./body-limit.ts";
import { contentTypeGuard } from "./content-type.ts";
import { completeHeaders } from "./headers.ts";
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

/** What is answered where no handler has an answer. */
export interface OtherAnswers {
  /** For a refusal, and for whatever a handler throws. */
  thrown: (thrown: unknown, c: Context<AppEnv>) => Response;
  /** For an unknown path. */
  unknown: (c: Context<AppEnv>) => Response;
}

/** The routes of `app` behind the guards, in their order. Throws one sentence for options that are unsafe together. */
export function guardRoutes(
  { routes }: Pick<Hono<AppEnv>, "routes">,
  options: GuardOptions,
  answers: OtherAnswers,
): Hono<AppEnv> {
  const guarded = createGuarded(createGuards(options), options, answers);
  const app = new Hono<AppEnv>({ strict: false });
  for (const { method, path, handler } of routes) app.on(method, path, guarded(handler));
  const unknown = guarded(answers.unknown);
  app.notFound((c) => unknown(c, async () => {}));
  // For the handlers behind the first one of a path that several take.
  app.onError(answers.thrown);
  return app;
}

function createGuards(options: GuardOptions): Guard[] {
  const { hosts, wide, origins, keys, operator_key } = options;
  if (origins.includes("*") && keys.length === 0)
    throw new Error('--origins "*" opens the server to every web page. Set an API key too.');
  const timeout_ms = options.body_timeout_ms ?? 30_000;
  const limits = { max_bytes: options.max_body ?? 2 ** 20, timeout_ms };
  const promptLimits = promptLimitsOf(limits, options.body_limit ?? PROMPT_BODY);
  return [
    hostGuard(hosts, wide, keys.length > 0),
    originGuard(origins, options.trusted_proxies),
    authGuard(keys, operator_key, options.auth_failures),
    contentTypeGuard,
    bodyLimitGuard((path) => (READS_PROMPTS.test(path) ? promptLimits : limits)),
    ...(options.ensureStorage ? [storageGuard(options.ensureStorage)] : []),
  ];
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
 * Puts what every request has around a handler: its id, the guards, the headers of its answer. What needs not wait is answered without a
 * promise; Hono would make several for each request with a middleware, which show in `bench:pairs`, row `GET thread`, on Bun.
 */
function createGuarded(guards: Guard[], { newRequestId, observeRequest }: GuardOptions, answers: OtherAnswers) {
  const refuse = (c: Context<AppEnv>, thrown: unknown): Response => {
    const refusal = answers.thrown(thrown, c);
    if (c.finalized) c.res = refusal;
    return refusal;
  };
  const finish = (c: Context<AppEnv>, answer: Response, onAnswer?: (answer: Response) => void): Response | Promise<Response> => {
    // A handler that hands the request on has its answer in the context.
    const own = c.finalized ? c.res : answer;
    const finished = completeHeaders(c, own);
    onAnswer?.(own);
    return finished === undefined ? own : finished.then(() => own);
  };
  return (handler: Handler<AppEnv>): Handler<AppEnv> => {
    const passFrom = (position: number, c: Context<AppEnv>, next: Next): ReturnType<typeof handler> => {
      for (let at = position; at < guards.length; at++) {
        const answer = guards[at]!(c);
        if (answer instanceof Promise) return answer.then((answer) => answer ?? passFrom(at + 1, c, next));
        if (answer !== undefined) return answer;
      }
      return handler(c, next);
    };
    return (c, next) => {
      // An earlier handler of the path has handed the request on.
      if (c.get("request_id") !== undefined) return handler(c, next);
      c.set("request_id", newRequestId());
      const onAnswer = observeRequest?.(c);
      let answer: ReturnType<typeof handler>;
      try {
        answer = passFrom(0, c, next);
      } catch (thrown) {
        return finish(c, refuse(c, thrown), onAnswer);
      }
      if (!(answer instanceof Promise)) return finish(c, answer, onAnswer);
      return answer.then(
        (answer) => finish(c, answer, onAnswer),
        (thrown) => finish(c, refuse(c, thrown), onAnswer),
      );
    };
  };
}
