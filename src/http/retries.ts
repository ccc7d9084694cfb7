// Which answers may be others after a while. OpenAI's SDKs send a request again after 408, 409, 429 and every 5xx, unless the answer says by
// `x-should-retry` that this is of no use: https://github.com/openai/openai-node/blob/master/src/client.ts, `shouldRetry`.

/** By status and code: whether waiting may mend it. Where it does not, somebody has to act, or to ask for something else. */
export const MENDED_BY_WAITING: Readonly<Record<string, boolean>> = {
  "408 request_timeout": true,
  "409 assistant_built_in": false,
  "409 model_exists": false,
  "409 model_not_changeable": false,
  "409 model_not_downloadable": false,
  "409 model_not_ready": true,
  "429 queue_full": true,
  "429 too_many_pending": false,
  "429 upstream_busy": true,
  "500 corrupted_entity": false,
  "500 generation_failed": false,
  "500 model_corrupted": false,
  "500 model_load_failed": false,
  "500 server_error": false,
  "500 storage_error": false,
  "502 checksum_mismatch": false,
  "502 download_failed": true,
  "502 engine_crashed": true,
  "502 insufficient_storage": false,
  "502 upstream_error": true,
  "502 url_not_allowed": false,
  "503 engine_unavailable": true,
  "503 insufficient_memory": true,
  "503 server_stopping": true,
  "503 storage_unavailable": true,
  "504 engine_timeout": true,
  "504 request_timeout": false,
  "507 insufficient_storage": false,
};

/** `lasting`: of this error it is known that waiting does not mend it, whatever holds for its code. */
export function retryHeaders(status: number, code: string | null, lasting: boolean): Record<string, string> {
  return lasting || MENDED_BY_WAITING[`${status} ${code}`] === false ? { "x-should-retry": "false" } : {};
}
