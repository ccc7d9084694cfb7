// The order of the checks, in one place: nothing of a request is parsed before its key was seen.
import { answerHeaders, type Guarded, type Handler } from "./headers.ts";
import { all, type Asked, type Marks } from "./check.ts";
import { contentType } from "./content-type.ts";
import { host } from "./host.ts";
import { key } from "./auth.ts";
import { origin } from "./origin.ts";
import { size } from "./body-limit.ts";

export interface GuardOptions {
  /** Names and addresses accepted in `Host` beside those of loopback, without port. */
  hosts: string[];
  /** The server listens beyond loopback: private IP literals are accepted in `Host`. */
  wide: boolean;
  /** Other origins whose pages may call, such as `http://localhost:3000`; `*` is any and needs a key. */
  origins: string[];
  /** Without one everybody who passes host and origin may call. */
  keys: string[];
  /** A key of the commands of the server's owner, beside `keys`. */
  operator_key?: string | undefined;
  newRequestId: () => string;
  /** Bytes of a body; 1 MiB unless said. */
  max_body?: number;
  /** Bytes of a body under `/v1/chat/`; 10 MiB unless said. */
  max_chat_body?: number;
  /** For a whole body to arrive; 30 s unless said. */
  body_timeout_ms?: number;
}

/**
 * A handler behind all guards, in their order; `onThrown` answers for what they throw. Throws one sentence for options that are
 * unsafe together.
 */
export function guarded(
  options: GuardOptions,
  handler: Handler,
  onThrown: (thrown: unknown, asked: Asked, marks: Marks) => Response,
): Guarded {
  const {
    hosts,
    wide,
    origins,
    keys,
    operator_key,
    newRequestId,
    max_body = 2 ** 20,
    max_chat_body = 10 * 2 ** 20,
    body_timeout_ms = 30_000,
  } = options;
  if (origins.includes("*") && keys.length === 0)
    throw new Error('--origins "*" opens the server to every web page. Set an API key too.');
  const limits = { max_bytes: max_body, timeout_ms: body_timeout_ms };
  const chatLimits = { ...limits, max_bytes: max_chat_body };
  const checks = [
    host(hosts, wide),
    origin(origins),
    key(keys, operator_key),
    contentType(),
    size((path) => (path.startsWith("/v1/chat/") ? chatLimits : limits)),
  ];
  return answerHeaders(newRequestId, all(checks), handler, onThrown);
}
