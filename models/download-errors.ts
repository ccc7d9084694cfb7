/** Why a download failed, as `error.code` of its job in the API. */
export type DownloadCode = "download_failed" | "checksum_mismatch" | "insufficient_storage" | "url_not_allowed";

interface DownloadErrorOptions extends ErrorOptions {
  /** What clients are told where the message holds what only the owner is to know: paths of this machine, what a name resolves to. */
  public_message?: string;
}

/** No source gave the file, or the disk did not take it. The message is for the user and names each source with its reason. */
export class DownloadError extends Error {
  override readonly name = "DownloadError";
  /** Of all sources where they agree, else `download_failed`. */
  readonly code: DownloadCode;
  readonly public_message: string;
  /** Another try may help, after so many milliseconds at least; undefined where waiting mends nothing. */
  readonly retry_ms: number | undefined;

  constructor(code: DownloadCode, message: string, options: DownloadErrorOptions & { retry_ms?: number | undefined } = {}) {
    const { public_message = message, retry_ms, ...more } = options;
    super(message, more);
    this.code = code;
    this.retry_ms = retry_ms;
    this.public_message = public_message;
  }
}

/** Why a source did not give the file, as a sentence. `retry_ms`: another try may help, after that many milliseconds at least. */
export class SourceError extends Error {
  override readonly name = "SourceError";
  readonly code: DownloadCode;
  readonly retry_ms: number | undefined;
  readonly public_message: string;

  constructor(message: string, options: DownloadErrorOptions & { code?: DownloadCode; retry_ms?: number | undefined } = {}) {
    const { code = "download_failed", retry_ms, public_message = message, ...more } = options;
    super(message, more);
    this.code = code;
    this.public_message = public_message;
    this.retry_ms = retry_ms;
  }
}

/** An address that a download must not dial. */
export function notAllowedError(message: string, public_message = message): SourceError {
  return new SourceError(message, { code: "url_not_allowed", public_message });
}

export const OFFLINE = "It needs the network, which --offline rules out. Start without --offline to fetch it.";
