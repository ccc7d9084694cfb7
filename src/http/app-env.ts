// What Hono's context carries through the application.
import type { Context } from "hono";
import type { Usage } from "../../adapters/adapter.ts";

/** What a listener passes beside each request, the same object with every one: it costs nothing where no handler asks. */
export interface ListenerEnv {
  /** The IP address of the other end of the connection, which may be a proxy; undefined where it has left. */
  addressOf(request: Request): string | undefined;
  /** To be told of requests whose answers may take their readers long; absent where the listener sees that itself. */
  onLargeAnswer?(request: Request): void;
  /** The class of responses that this listener writes fastest; absent: the global one. */
  Response?: typeof Response;
}

export interface BodyLimits {
  max_bytes: number;
  /** Time for the whole body to arrive. */
  timeout_ms: number;
  /** Objects, arrays, and what they hold; absent: as many as in a body of 10 MiB. */
  max_values?: number;
  /** The setting that raises the limits, as an option; absent: none does. */
  option?: string;
}

/** What the log says of the generation that made an answer: filled in while it goes on. */
export interface GenerationTrace {
  /** The id of the model. */
  model: string;
  /** From the arrival at the queue, in milliseconds. */
  first_token_ms?: number;
  /** Of a generation that came to its end. */
  usage?: Usage;
}

/** The `Env` of the application and its routes. */
export interface AppEnv {
  /** What `server/listen` passes beside the request; a program that calls `app.fetch` itself passes nothing, or something of its own. */
  Bindings: Partial<ListenerEnv>;
  /** Set by the guards before every handler, but for `vary`, `ignored`, `generation` and `with_common_headers`, which a handler sets. */
  Variables: {
    request_id: string;
    /** The key that let the request in, where keys are asked for. */
    api_key?: string;
    /** Its number among those of the settings, from 1 on; `owner` for the owner's own. */
    key_number?: number | "owner";
    /** The generation that answers the request. */
    generation?: GenerationTrace;
    /** Limits of this path's body. */
    body_limits: BodyLimits;
    /** The request header that the answer depends on. */
    vary?: string;
    /** Paths of the request's fields that were passed over. */
    ignored?: readonly string[];
    /** The answer that was made with the headers that all have. */
    with_common_headers?: Response;
    /** The listed origin whose page may read the answer. */
    reading_origin?: string;
  };
}

/** Refuses by throwing, answers by a response, or lets the request through by undefined. */
export type Guard = (c: Context<AppEnv>) => Response | undefined | Promise<Response | undefined>;
