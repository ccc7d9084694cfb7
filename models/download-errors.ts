/** Why a download failed, as `error.code` of its job in the API. */
export type DownloadCode = "download_failed" | "checksum_mismatch" | "insufficient_storage" | "url_not_allowed";

/** No source gave the file, or the disk did not take it. The message is for the user and names each source with its reason. */
export class DownloadError extends Error {
  override readonly name = "DownloadError";
  /** Of all sources where they agree, else `download_failed`. */
  readonly code: DownloadCode;

  constructor(code: DownloadCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Why a source did not give the file, as a sentence. `retry_ms`: another try may help, after that many milliseconds at least. */
export class SourceError extends Error {
  override readonly name = "SourceError";
  readonly code: DownloadCode;
  readonly retry_ms: number | undefined;

  constructor(message: string, options: ErrorOptions & { code?: DownloadCode; retry_ms?: number } = {}) {
    const { code = "download_failed", retry_ms, ...more } = options;
    super(message, more);
    this.code = code;
    this.retry_ms = retry_ms;
  }
}

/** An address that a download must not dial. */
export function notAllowedError(message: string): SourceError {
  return new SourceError(message, { code: "url_not_allowed" });
}

export const OFFLINE = "It needs the network, which --offline rules out. Start without --offline to fetch it.";
