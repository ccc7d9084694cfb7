// The line of the log about one request.

export interface RequestLine {
  request_id: string;
  status: number;
  method: string;
  /** Without the query. */
  path: string;
  /** Of the model that answered; absent where none did. */
  model?: string | undefined;
  prompt_tokens?: number | undefined;
  /** Those of them that were read before. */
  cached_tokens?: number | undefined;
  completion_tokens?: number | undefined;
  /** From the arrival at the queue. */
  first_token_ms?: number | undefined;
  /** From the head of the request to the end of its answer. */
  duration_ms: number;
  /** Of a stream that did not come to its end. */
  ended?: "left" | "broken" | undefined;
  /** The number of the key among those of the settings, from 1 on; `owner` for a command of the server's owner. */
  key?: number | "owner" | undefined;
  /** The address of the client, where there are no keys. */
  address?: string | undefined;
}

export const REQUEST = "request";

export function isRequestLine(fields: object): fields is RequestLine {
  return "request_id" in fields && "duration_ms" in fields;
}
