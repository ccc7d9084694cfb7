// What an `AdapterError` has beside its message.

export type AdapterErrorCode =
  | "context_length_exceeded"
  | "engine_crashed"
  | "engine_timeout"
  | "engine_unavailable"
  /** The engine fails at this request and goes on: waiting does not mend it. */
  | "generation_failed"
  | "messages_refused"
  | "model_load_failed"
  /** The engine finds something in the request wrong: the message names it, and so does `param` where it is known. */
  | "request_refused"
  /** The request asks for what the engine that would answer it cannot do; `param` names the field. */
  | "request_unsupported"
  | "template_failed"
  /** A schema says what cannot be enforced, and its request insists on all of it; `param` names the schema. */
  | "unsupported_schema"
  /** Another server, which runs the model, failed or cannot be reached. */
  | "upstream_error"
  /** Another server, which runs the model, has no slot for the request now. */
  | "upstream_busy";

/** Tokens, under the names of llama-server's error body. */
export interface ContextCounts {
  /** A lower bound where the prompt was not counted to its end. */
  n_prompt_tokens?: number | undefined;
  /** What a slot holds. */
  n_ctx: number;
}

export interface AdapterErrorOptions extends ErrorOptions {
  /** Whole seconds after which another try makes sense, with `upstream_busy` and `engine_unavailable`. */
  retry_after?: number | undefined;
  /** Path of the field at fault in the client's request, such as `messages[0].content`, where it is known. */
  param?: string | undefined;
  /** What clients are told where the message holds what only the owner is to know: paths of this machine, addresses, an engine's output. */
  public_message?: string | undefined;
  /** The counts behind `context_length_exceeded`. */
  context?: ContextCounts | undefined;
  /** Waiting does not mend it, although it may mend others with this code. */
  lasting?: boolean | undefined;
}
