// How a download fails.
import type { DownloadCode } from "../sources/source-error.ts";

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
